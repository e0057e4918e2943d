"""The split: no test claim is used in training, and no label that was not known when the test begins."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clock import DAY_US
from pipelines.datasets import EmptyWindowError, ProviderSplitError, Slices, SplitPolicy, TooFewFraudsError
from pipelines.datasets.split import assert_providers_apart, split_by_provider, split_in_time, split_undated


def claims(days: int = 400, a_day: int = 5, *, delay_days: float = 20, fraud_every: int = 7, seed: int = 0):
    rng = np.random.default_rng(seed)
    received = np.sort(rng.integers(0, days * DAY_US, days * a_day)).astype(np.int64)
    known = received + (rng.exponential(delay_days, len(received)) * DAY_US).astype(np.int64)
    return received, known, np.arange(len(received)) % fraud_every == 0


def split(received, known, fraud, **policy) -> Slices:
    return split_in_time(
        received, known, as_of_us=int(received.max()), policy=SplitPolicy(**policy), least_frauds_of=fraud
    )


@given(seed=st.integers(0, 50), delay=st.floats(1, 60), embargo=st.integers(0, 60))
def test_no_claim_is_in_two_slices_and_no_teaching_label_is_newer_than_the_test(seed, delay, embargo):
    received, known, fraud = claims(seed=seed, delay_days=delay)
    try:
        slices = split(received, known, fraud, embargo_days=embargo, least_frauds=1)
    except EmptyWindowError:
        return  # the delay is so long that no label is known in time
    every = np.concatenate(list(slices.named().values()))
    assert len(np.unique(every)) == len(every)
    for name in ("train", "stop", "calibrate"):
        rows = slices.named()[name]
        assert (known[rows] < slices.test_from_us).all()
        assert (received[rows] < slices.test_from_us - embargo * DAY_US).all()
    assert (known[slices.test] <= received.max()).all()


def test_slices_follow_each_other_in_time():
    received, known, fraud = claims()
    slices = split(received, known, fraud)
    ends = [(received[rows].min(), received[rows].max()) for rows in slices.named().values()]
    assert all(before[1] < after[0] for before, after in pairwise(ends))


def test_claims_of_a_single_moment_cannot_be_split_in_time():
    at = np.full(500, 3 * DAY_US)
    with pytest.raises(EmptyWindowError, match="at the same time"):
        split(at, None, np.arange(500) % 9 == 0)


def test_labels_that_became_known_too_late_are_counted():
    received, known, fraud = claims()
    late = known.copy()
    late[: len(late) // 4] = received.max()
    slices = split(received, late, fraud)
    assert slices.not_yet_known >= len(late) // 8


def test_an_empty_window_is_refused_with_what_to_do():
    received, known, fraud = claims(days=30)
    with pytest.raises(EmptyWindowError, match="take a longer window"):
        split(received, known + 100 * DAY_US, fraud)


def test_a_class_with_two_positives_is_refused_with_the_count():
    received, known, fraud = claims()
    rare = np.zeros_like(fraud)
    rare[[500, 600]] = True
    with pytest.raises(TooFewFraudsError, match="train slice has 2 frauds"):
        split(received, known, rare)


def test_a_provider_is_on_one_side_of_a_split_and_always_on_the_same():
    received, _, _ = claims()
    providers = np.array([f"H{n % 90}" for n in range(len(received))], dtype=object)
    fraud = np.array([int(name[1:]) % 4 == 0 for name in providers])
    first, again = (
        split_by_provider(received, providers, fraud, as_of_us=int(received.max()), policy=SplitPolicy())
        for _ in range(2)
    )
    for name, rows in first.named().items():
        assert (rows == again.named()[name]).all()
    assert_providers_apart(first, providers)


def test_a_provider_stays_in_its_slice_when_others_come_and_labels_change():
    received, _, _ = claims()
    few = np.array([f"H{n % 90}" for n in range(len(received))], dtype=object)
    many = np.array([f"H{n % 240}" for n in range(len(received))], dtype=object)

    def slice_of(providers, frauds):
        fraud = np.array([int(name[1:]) % frauds == 0 for name in providers])
        slices = split_by_provider(received, providers, fraud, as_of_us=int(received.max()), policy=SplitPolicy())
        assert "change" not in slices.how
        return {name: which for which, rows in slices.named().items() for name in providers[rows]}

    before, after = slice_of(few, 4), slice_of(many, 3)
    assert {name: after[name] for name in before} == before
    shares = [list(after.values()).count(which) / 240 for which in ("train", "stop", "calibrate", "test")]
    assert shares == pytest.approx([0.58, 0.12, 0.12, 0.18], abs=0.07)


def test_providers_too_few_for_a_stable_split_are_shared_out_and_the_split_says_so():
    received, _, _ = claims()
    providers = np.array([f"H{n % 16}" for n in range(len(received))], dtype=object)
    fraud = np.array([int(name[1:]) % 2 == 0 for name in providers])
    slices = split_by_provider(received, providers, fraud, as_of_us=int(received.max()), policy=SplitPolicy())
    assert slices.how.endswith("the slices change when some are added")
    assert all(0 < fraud[rows].sum() < len(rows) for rows in slices.named().values())


def test_a_claim_without_date_or_group_stays_in_its_slice_when_others_come():
    fraud = np.arange(1_000) % 10 == 0
    ids = [f"C{row}" for row in range(1_000)]
    options = {"as_of_us": 2 * DAY_US, "policy": SplitPolicy()}

    def test_ids(order):
        received = np.full(len(order), DAY_US, dtype=np.int64)
        taken = [ids[row] for row in order]
        return {taken[row] for row in split_undated(received, {}, fraud[order], claim_ids=taken, **options).test}

    before, after = test_ids(np.arange(800)), test_ids(np.arange(1_000)[::-1])
    assert before
    assert {claim_id for claim_id in after if claim_id in ids[:800]} == before


def test_a_provider_with_claims_of_both_labels_has_no_label():
    received, _, fraud = claims()
    providers = np.array(["H1"] * len(received), dtype=object)
    with pytest.raises(ProviderSplitError, match="claims of both labels"):
        split_by_provider(received, providers, fraud, as_of_us=int(received.max()), policy=SplitPolicy())


def test_a_dissenting_claim_of_a_provider_is_kept_on_its_side_and_the_warning_counts_it():
    received, _, _ = claims()
    providers = np.array([f"H{n % 60}" for n in range(len(received))], dtype=object)
    fraud = np.arange(len(received)) % 60 < 30
    options = {"as_of_us": int(received.max()), "policy": SplitPolicy()}
    assert split_by_provider(received, providers, fraud, **options).warning == ""
    fraud[[0, 59]] = [False, True]
    slices = split_by_provider(received, providers, fraud, **options)
    assert "2 providers have claims of both labels (for example H0): 2 claims" in slices.warning
    assert_providers_apart(slices, providers)
    fraud[:200] = ~fraud[:200]
    with pytest.raises(ProviderSplitError, match="belongs to the claim"):
        split_by_provider(received, providers, fraud, **options)


def test_a_split_within_a_provider_is_detected():
    received, known, fraud = claims()
    providers = np.array([f"H{n % 9}" for n in range(len(received))], dtype=object)
    with pytest.raises(ProviderSplitError, match="split by provider"):
        assert_providers_apart(split(received, known, fraud), providers)


def undated(groups: dict[str, np.ndarray], fraud: np.ndarray) -> Slices:
    received = np.full(len(fraud), DAY_US, dtype=np.int64)
    return split_undated(received, groups, fraud, as_of_us=2 * DAY_US, policy=SplitPolicy())


def test_claims_without_dates_are_split_by_provider_with_a_warning():
    rng = np.random.default_rng(0)
    providers = np.array([f"H{n}" for n in rng.integers(0, 200, 3_000)], dtype=object)
    providers[:50] = None
    fraud = rng.random(3_000) < 0.1
    slices = undated({"provider": providers, "member": providers[::-1]}, fraud)
    assert sorted(np.concatenate(list(slices.named().values()))) == list(range(3_000))
    held = [{*providers[rows]} - {None} for rows in slices.named().values()]
    assert sum(map(len, held)) == len(set.union(*held))
    assert len(slices.test) / 3_000 == pytest.approx(0.18, abs=0.05)
    assert slices.how.startswith("by provider, because the source has no dates")
    assert "not later than the training" in slices.warning
    assert slices.providers_apart


def test_claims_without_dates_are_split_by_member_or_singly_where_providers_are_too_few():
    fraud = np.arange(1_000) % 10 == 0
    one = np.full(1_000, "H1", dtype=object)
    members = np.array([f"M{n // 2}" for n in range(1_000)], dtype=object)
    assert undated({"provider": one, "member": members}, fraud).how.startswith("by member")
    slices = undated({"provider": one, "member": np.full(1_000, None, dtype=object)}, fraud)
    assert slices.how.startswith("by claim")
    assert [int(fraud[rows].sum()) for rows in slices.named().values()] == [56, 13, 12, 19]
    with pytest.raises(TooFewFraudsError):
        undated({"provider": one}, np.arange(1_000) < 12)
