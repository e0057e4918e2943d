"""How much can be recovered, with which finding, and of which claim."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claims.outcome import Outcome
from claims.review import IS_FRAUD, RECOVERS, Disposition, RecoveryError, check_recovery


def check(**changes):
    values = {
        "disposition": Disposition.OVERPAYMENT,
        "amount_cents": 10_00,
        "outcome": Outcome.APPROVED,
        "paid_cents": 100_00,
        "recovered_cents": 0,
    }
    check_recovery(**(values | changes))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"amount_cents": 100_00}, None),
        ({"amount_cents": 100_01}, "at most 100.00"),
        ({"amount_cents": 40_00, "recovered_cents": 60_00}, None),
        ({"amount_cents": 40_01, "recovered_cents": 60_00}, "at most 40.00"),
        ({"amount_cents": 0}, None),
        ({"amount_cents": -1}, "0 or more"),
        ({"outcome": None, "paid_cents": 0}, "voided"),
        ({"outcome": None, "paid_cents": 0, "amount_cents": 0}, None),
        ({"outcome": Outcome.IN_REVIEW, "paid_cents": 0}, "nothing was paid"),
        ({"outcome": Outcome.DENIED, "paid_cents": 0}, "nothing was paid"),
        ({"outcome": Outcome.REJECTED, "paid_cents": 0}, "nothing was paid"),
        ({"outcome": Outcome.APPROVED, "paid_cents": 0}, "nothing was paid"),
        ({"outcome": Outcome.PARTIALLY_APPROVED}, None),
        ({"disposition": Disposition.CONFIRMED}, None),
        ({"disposition": Disposition.BILLING_ERROR}, None),
        ({"disposition": Disposition.CLEARED}, "only|above 0 only with"),
        ({"disposition": Disposition.INCONCLUSIVE}, "above 0 only with"),
        ({"disposition": Disposition.CLEARED, "amount_cents": 0}, None),
    ],
)
def test_recoverable_amounts_are_limited_by_what_was_paid(change, words):
    if words is None:
        check(**change)
    else:
        with pytest.raises(RecoveryError, match=words):
            check(**change)


@given(paid=st.integers(0, 100), tries=st.lists(st.integers(-5, 60)), outcome=st.none() | st.sampled_from(Outcome))
def test_no_sequence_of_recoveries_exceeds_what_was_paid(paid, tries, outcome):
    recovered = 0
    for amount in tries:
        try:
            check(amount_cents=amount, paid_cents=paid, recovered_cents=recovered, outcome=outcome)
        except RecoveryError:
            continue
        recovered += amount
    assert 0 <= recovered <= paid
    assert recovered == 0 or (outcome is not None and outcome.pays)


def test_only_confirmed_and_cleared_are_labels():
    assert set(IS_FRAUD) == set(Disposition)
    assert {found: said for found, said in IS_FRAUD.items() if said is not None} == {
        Disposition.CONFIRMED: True,
        Disposition.CLEARED: False,
    }
    assert {found for found in RECOVERS if IS_FRAUD[found] is None} == {
        Disposition.WASTE,
        Disposition.ABUSE,
        Disposition.BILLING_ERROR,
        Disposition.OVERPAYMENT,
    }
