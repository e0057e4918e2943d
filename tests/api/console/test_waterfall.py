"""The waterfall as a picture: every group has a bar, nothing leaves the frame, and lengths are in proportion."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.console.waterfall import MOST_TICKS, ROW, THINNEST, signed, waterfall_bars, waterfall_picture
from claims.reason_groups import REASON_GROUPS
from claims.scoring import GroupPush

pushes_of_all_groups = st.lists(st.floats(-9, 9), min_size=len(REASON_GROUPS), max_size=len(REASON_GROUPS))


def groups_with(pushes: list[float]) -> list[GroupPush]:
    return [GroupPush(code=code, push=push, features={}) for code, push in zip(REASON_GROUPS, pushes, strict=True)]


@given(pushes_of_all_groups)
def test_every_group_has_its_bar_and_the_bars_add_up_to_the_margin_without_a_gap(pushes: list[float]) -> None:
    bars = waterfall_bars(-2.5, -2.5 + sum(pushes), groups_with(pushes))
    assert {bar.label for bar in bars[1:-1]} == {group.title for group in REASON_GROUPS.values()}
    assert all(before.end == pytest.approx(after.start, abs=1e-9) for before, after in pairwise(bars))


@given(pushes_of_all_groups)
def test_bars_begin_with_the_largest_push(pushes: list[float]) -> None:
    bars = waterfall_bars(0.0, sum(pushes), groups_with(pushes))[1:-1]
    sizes = [abs(bar.end - bar.start) for bar in bars]
    assert sizes == pytest.approx(sorted(sizes, reverse=True))


@given(st.floats(-12, 12), pushes_of_all_groups)
def test_every_bar_and_number_of_the_axis_is_inside_the_picture(typical: float, pushes: list[float]) -> None:
    picture = waterfall_picture(waterfall_bars(typical, typical + sum(pushes), groups_with(pushes)))
    for placed in picture.bars:
        assert 0 <= placed.x <= placed.x + placed.width <= 100 + 1e-9
        assert 0 <= placed.y <= picture.height - ROW
    assert 2 <= len(picture.ticks) <= MOST_TICKS
    assert [picture.ticks[0].x, picture.ticks[-1].x] == pytest.approx([0, 100])


@given(pushes_of_all_groups)
def test_the_length_of_a_bar_is_in_proportion_to_its_push(pushes: list[float]) -> None:
    picture = waterfall_picture(waterfall_bars(0.0, sum(pushes), groups_with(pushes)))
    visible = [placed for placed in picture.bars if placed.width > THINNEST]
    rates = [placed.width / abs(placed.bar.end - placed.bar.start) for placed in visible]
    assert rates == pytest.approx([rates[0]] * len(rates)) if rates else True


def test_a_bar_says_its_push_and_a_total_its_log_odds() -> None:
    typical, price, claim = waterfall_bars(-2.0, 1.25, [GroupPush(code="price_against_peers", push=3.25, features={})])
    assert (typical.value, price.value, claim.value) == ("−2.00", "+3.25", "1.25")
    assert price.text == "Price against peers: +3.25 log-odds, odds × 25.79"
    assert claim.text == "This claim: 1.25 log-odds"


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0.00"), (0.004, "0.00"), (-0.004, "0.00"), (0.005001, "+0.01"), (-1, "−1.00")]
)
def test_a_number_that_rounds_to_zero_has_no_sign(value: float, text: str) -> None:
    assert signed(value) == text


def test_a_picture_without_bars_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one bar"):
        waterfall_picture([])
