"""The position of the online store as text."""

import pytest

from claims.scoring import StorePosition

TOO_LONG = "7." + "9" * 20, "9" * 20 + ".7"


def test_a_position_round_trips_through_its_text_and_is_ordered() -> None:
    assert str(StorePosition(7, 12)) == "7.12"
    for position in (StorePosition(7, 12), StorePosition(0, 0), StorePosition(10**19 - 1, 10**19 - 1)):
        assert StorePosition.parse(str(position)) == position
    assert StorePosition(7, 12) < StorePosition(7, 13) < StorePosition(8, 1)


@pytest.mark.parametrize("text", ["", "7", "7.", ".7", "7.8.9", "-7.8", "7.8 ", "٧.8", *TOO_LONG])
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^a store position is two whole numbers separated by a dot$"):
        StorePosition.parse(text)
