"""The page of features equals that of the declarations."""

from pathlib import Path

from features.vector import reference_page


def test_the_page_of_features_is_current() -> None:
    written = (Path(__file__).parents[2] / "docs" / "reference" / "features.md").read_text()
    assert written == reference_page(), "run `ginja features docs`"
