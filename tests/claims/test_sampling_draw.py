"""The sampling frame and the draw: one hash whatever the order, and a sample that anybody can draw again."""

import hashlib
import random
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claims.sampling import (
    DRAW_METHOD,
    SamplingError,
    SamplingFrame,
    SamplingUnit,
    draw,
    stratify_by_amount,
    unit_number,
)

PAGE = Path(__file__).parents[2] / "docs" / "concepts" / "overpayment-sampling.md"

UNITS = st.lists(
    st.builds(
        SamplingUnit,
        st.text("abz09-_é", min_size=1, max_size=5),
        st.integers(0, 10_000_000),
        st.sampled_from(("low", "mid", "high")),
    ),
    min_size=1,
    max_size=40,
    unique_by=lambda unit: unit.unit_id,
)


def drawn_ids(frame: SamplingFrame, seed: str, sizes: dict[str, int]) -> list[str]:
    return [one.unit.unit_id for one in draw(frame, seed, sizes).drawn]


def whole(frame: SamplingFrame) -> dict[str, int]:
    return {one.name: one.units for one in frame.strata}


def by_shell(frame: SamplingFrame, seed: str, stratum: str, size: int) -> list[str]:
    """The same sample in another language: sha256sum and sort, from the description alone."""
    script = """
        frame=$(sha256sum | cut -d' ' -f1)
        for unit in "$@"; do
            number=$(printf 'ginja-draw-1\\n%s\\n%s\\n%s\\n%s' "$frame" "$SEED" "$STRATUM" "$unit" | sha256sum)
            echo "${number%% *} $unit"
        done | LC_ALL=C sort | head -n "$SIZE" | cut -d' ' -f2
    """
    ids = [unit.unit_id for unit in frame.units if unit.stratum == stratum]
    done = subprocess.run(
        ["sh", "-c", script, "sh", *ids],
        input=frame.canonical_text(),
        env={"SEED": seed, "STRATUM": stratum, "SIZE": str(size), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


@given(units=UNITS, seed=st.integers(0, 99).map(str), order=st.randoms(use_true_random=False))
def test_frame_and_sample_do_not_depend_on_the_order_of_the_list(units, seed, order):
    shuffled = units.copy()
    order.shuffle(shuffled)
    one, other = SamplingFrame.of(units), SamplingFrame.of(shuffled)
    assert one == other
    assert one.sha256 == other.sha256
    assert drawn_ids(one, seed, whole(one)) == drawn_ids(other, seed, whole(other))


@given(units=UNITS, seed=st.integers(0, 99).map(str), data=st.data())
def test_a_sample_is_the_beginning_of_a_permutation_of_each_stratum(units, seed, data):
    frame = SamplingFrame.of(units)
    sizes = {one.name: data.draw(st.integers(1, one.units)) for one in frame.strata}
    everything = draw(frame, seed, whole(frame)).drawn
    sample = draw(frame, seed, sizes).drawn
    assert [one.position for one in sample] == list(range(1, sum(sizes.values()) + 1))
    for name, size in sizes.items():
        order = [one.unit for one in everything if one.unit.stratum == name]
        assert sorted(order, key=lambda unit: unit.key) == list(frame.by_stratum[name])
        assert [one.unit for one in sample if one.unit.stratum == name] == order[:size]


@given(units=UNITS)
def test_strata_sum_to_the_frame(units):
    frame = SamplingFrame.of(units)
    assert sum(one.units for one in frame.strata) == len(units)
    assert sum(one.paid_cents for one in frame.strata) == frame.paid_cents == sum(unit.paid_cents for unit in units)


@given(units=UNITS, at=st.integers(0, 39))
def test_any_changed_cent_gives_another_hash_and_other_numbers(units, at):
    unit = units[at % len(units)]
    changed = [SamplingUnit(one.unit_id, one.paid_cents + (one is unit), one.stratum) for one in units]
    one, other = SamplingFrame.of(units), SamplingFrame.of(changed)
    assert one.sha256 != other.sha256
    assert unit_number(one.sha256, "7", unit) != unit_number(other.sha256, "7", unit)


def test_the_canonical_text_and_its_hash_are_those_of_the_description():
    frame = SamplingFrame.of([SamplingUnit("b", 5, "2"), SamplingUnit("a", 1999, "2"), SamplingUnit("z", 0, "1")])
    text = "ginja-frame-1\n1\tz\t0\n2\ta\t1999\n2\tb\t5\n"
    assert frame.canonical_text() == text
    assert frame.sha256 == hashlib.sha256(text.encode()).hexdigest()


def test_a_shell_script_draws_the_same_sample():
    frame = stratify_by_amount([SamplingUnit(f"claim-{at}", 700 * at) for at in range(1, 61)], [10_000, 30_000])
    sizes = {"1": 4, "2": 6, "3": 5}
    for seed in ("2026-11-28/417", "x"):
        sample = draw(frame, seed, sizes).drawn
        for name, size in sizes.items():
            assert [one.unit.unit_id for one in sample if one.unit.stratum == name] == by_shell(frame, seed, name, size)


def test_the_vectors_of_the_documentation_are_drawn():
    frame = SamplingFrame.of(SamplingUnit(f"CLM{at:03}", 1000 + 137 * at) for at in range(1, 21))
    text = PAGE.read_text()
    assert f"`{frame.sha256}`" in text
    rows = re.findall(r"^\| `(vector-\d)` \| ([^|]+) \| `([0-9a-f]{16})…` \|$", text, re.MULTILINE)
    assert len(rows) >= 3
    for seed, ids, first in rows:
        sample = draw(frame, seed, {"all": 5}).drawn
        assert [one.unit.unit_id for one in sample] == ids.split()
        assert sample[0].number.startswith(first)
    assert DRAW_METHOD in text


def test_each_unit_is_drawn_as_often_as_any_other():
    """Chi-squared of 20 units over 2,000 seeds; the 0.999 quantile with 19 degrees of freedom is 43.8."""
    frame = SamplingFrame.of(SamplingUnit(str(at), at) for at in range(20))
    counts = dict.fromkeys(map(str, range(20)), 0)
    for seed in range(2_000):
        for one in drawn_ids(frame, str(seed), {"all": 5}):
            counts[one] += 1
    expected = 2_000 * 5 / 20
    # Without replacement the counts vary less than those of a multinomial, by (20 - 5) / (20 - 1).
    squares = sum((count - expected) ** 2 for count in counts.values()) / expected
    assert squares / (15 / 19) < 43.8


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({}, "Stratum 'all' has no sample size"),
        ({"all": 0}, "must have 1 to 3 units, not 0"),
        ({"all": 4}, "must have 1 to 3 units, not 4"),
        ({"all": 1, "other": 1}, "no stratum 'other'"),
    ],
)
def test_a_sample_that_the_frame_does_not_have_is_refused(sizes, message):
    frame = SamplingFrame.of(SamplingUnit(str(at), at) for at in range(3))
    with pytest.raises(SamplingError, match=re.escape(message)):
        draw(frame, "s", sizes)


@pytest.mark.parametrize("seed", ["", " s", "s\n", "é", "x" * 101])
def test_a_seed_that_cannot_be_typed_again_is_refused(seed):
    with pytest.raises(SamplingError, match="seed must have"):
        draw(SamplingFrame.of([SamplingUnit("a", 1)]), seed, {"all": 1})


@pytest.mark.parametrize("text", ["", " a", "a\tb", "a\nb", "x" * 201])
def test_an_id_that_would_break_the_canonical_text_is_refused(text):
    with pytest.raises(SamplingError, match="printable"):
        SamplingUnit(text, 1)
    with pytest.raises(SamplingError, match="printable"):
        SamplingUnit("a", 1, text)


def test_a_frame_lists_each_unit_once_and_is_not_empty():
    with pytest.raises(SamplingError, match="Unit a occurs more than once"):
        SamplingFrame.of([SamplingUnit("a", 1, "1"), SamplingUnit("a", 2, "2")])
    with pytest.raises(SamplingError, match="no unit"):
        SamplingFrame.of([])
    with pytest.raises(SamplingError, match="paid_cents of a"):
        SamplingUnit("a", -1)


def test_boundaries_put_each_amount_into_the_stratum_that_begins_with_it():
    frame = stratify_by_amount([SamplingUnit(str(paid), paid) for paid in (0, 99, 100, 499, 500)], [100, 500])
    assert {one.unit_id: one.stratum for one in frame.units} == {
        "0": "1",
        "99": "1",
        "100": "2",
        "499": "2",
        "500": "3",
    }
    shuffled = list(frame.units)
    random.Random(1).shuffle(shuffled)
    assert stratify_by_amount(shuffled, [100, 500]).sha256 == frame.sha256
    for bounds in ([], [0, 1], [5, 5], [9, 2]):
        with pytest.raises(SamplingError, match="Boundaries"):
            stratify_by_amount(frame.units, bounds)
