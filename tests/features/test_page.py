"""The page of features is the declarations', word for word."""

from pathlib import Path

from features.page import page


def test_the_page_of_features_is_current() -> None:
    written = (Path(__file__).parents[2] / "docs" / "reference" / "features.md").read_text()
    assert written == page(), "run `ginja features docs`"
