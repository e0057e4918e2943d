"""What is promised of a list, and that it is held."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claims.promise import FraudPromise, PastList, PromiseError, lists_required, promise


def lists_with(*frauds, size=10):
    """Finished lists with these numbers of confirmed frauds."""
    return [PastList((True,) * count + (False,) * (size - count)) for count in frauds]


@pytest.mark.parametrize(("confidence", "required"), [(0.5, 1), (0.8, 4), (0.9, 9), (0.95, 19), (0.99, 99)])
def test_a_promise_requires_so_many_finished_lists(confidence, required):
    assert lists_required(confidence) == required
    enough = promise(lists_with(*[5] * required), size=10, confidence=confidence)
    assert enough.at_least == 0.5
    refused = promise(lists_with(*[5] * (required - 1)), size=10, confidence=confidence)
    assert refused == FraudPromise(None, confidence, required - 1, required)


def test_nine_lists_promise_their_smallest_share_and_nineteen_the_second_smallest():
    assert promise(lists_with(2, *[7] * 8), size=10).at_least == 0.2
    assert promise(lists_with(2, 4, *[7] * 17), size=10).at_least == 0.4


def test_the_text_says_the_promise_or_what_is_missing():
    assert promise(lists_with(*[6] * 9), size=10).text == (
        "At least 60% of this list is fraud, 90% sure, as in 9 earlier lists."
    )
    assert promise(lists_with(0, *[6] * 8), size=10).text.startswith("No share of fraud can be promised")
    refused = promise(lists_with(6, 6), size=10).text
    assert "requires findings on 9 earlier lists" in refused
    assert "there are 2" in refused
    assert "Record a finding" in refused


def test_only_the_first_claims_of_a_longer_list_count():
    longer = [PastList((True,) * 5 + (False,) * 15)] * 9
    assert promise(longer, size=5).at_least == 1.0
    assert promise(longer, size=20).at_least == 0.25


def test_a_shorter_list_and_one_without_most_findings_do_not_count():
    finished = lists_with(*[6] * 9)
    assert promise([*finished, *lists_with(0, size=9)], size=10).lists == 9
    unfinished = PastList((True,) * 7 + (None,) * 3)
    assert promise([*finished, unfinished], size=10).lists == 9


def test_a_claim_without_a_finding_counts_as_not_confirmed():
    almost = [PastList((True,) * 8 + (None,) * 2)] * 9
    assert promise(almost, size=10).at_least == 0.8


@given(st.integers(0, 2**32), st.sampled_from([9, 12, 19, 40]))
def test_the_promise_is_a_share_of_an_earlier_list(seed, lists):
    rng = random.Random(seed)
    frauds = [rng.randrange(11) for _ in range(lists)]
    assert promise(lists_with(*frauds), size=10).at_least in {count / 10 for count in frauds}


def test_the_promise_holds_in_nine_lists_of_ten_though_frauds_of_a_list_come_together():
    """Weeks with a ring and weeks without: claims within a list are far from independent."""
    rng = random.Random(5)

    def shares(number):
        return [min(10, (6 if rng.random() < 0.3 else 0) + sum(rng.random() < 0.35 for _ in range(10)))
                for _ in range(number)]  # fmt: skip

    held = sum(10 * promise(lists_with(*shares(19)), size=10).at_least <= shares(1)[0] for _ in range(2_000))
    assert held >= 0.9 * 2_000


@pytest.mark.parametrize("confidence", [0.0, 0.4, 1.0])
def test_an_invalid_confidence_is_refused(confidence):
    with pytest.raises(PromiseError):
        promise([], size=10, confidence=confidence)


def test_a_list_without_claims_has_no_promise():
    with pytest.raises(PromiseError):
        promise([], size=0)
