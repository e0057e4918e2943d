"""What a change means for a claim that was decided before it was known."""

from datetime import UTC, date, datetime

import pytest

from claims.claim import Claim, ClaimLine
from claims.cost_sharing import NOTHING_SHARED, CostShared, CostSharing
from claims.outcome import Finding, Outcome
from claims.payment import BENEFIT_USED_UP, LinePrice, itemize
from claims.rescreening import (
    CHANGES,
    AmountUnknown,
    ChangeKind,
    DifferenceKind,
    ScreenedClaim,
    amount_difference,
    differs_in_price,
    finding_differences,
)

DAY = date(2026, 3, 2)
CLAIM = Claim(
    "clm_1",
    datetime(2026, 3, 3, tzinfo=UTC),
    date(2026, 3, 3),
    "M1",
    "H1",
    ("D1",),
    (ClaimLine("P1", 100_00),),
    DAY,
    DAY,
)
EXCLUDED = Finding("provider_on_exclusion_list", Outcome.REJECTED, "NPI 1 is on the list.", "leie 2026-11 1")
UNITS = Finding("medically_unlikely_units", Outcome.IN_REVIEW, "Too many units.", "mue 2026Q1 P1", 1)
TERMS = CostSharing("PL", date(2020, 1, 1), copay_cents=20_00)


def decided(status=Outcome.APPROVED, *findings, paid=100_00, payment=None, is_assessed=True) -> ScreenedClaim:
    return ScreenedClaim(CLAIM, status, paid, findings, payment, is_assessed)


def prices(cents: int) -> tuple[LinePrice, ...]:
    return (LinePrice(1, 100_00, cents, cites="fees 2026 P1"),)


def paid_by(terms, cents, shared=NOTHING_SHARED) -> ScreenedClaim:
    payment = itemize(prices(cents), terms, shared)
    return decided(paid=payment.paid_cents, payment=payment)


@pytest.mark.parametrize(
    ("status", "new", "gone"),
    [
        (Outcome.APPROVED, True, False),
        (Outcome.PARTIALLY_APPROVED, True, False),
        (Outcome.IN_REVIEW, True, True),
        (Outcome.REJECTED, False, True),
        (Outcome.DENIED, False, True),
    ],
)
def test_what_is_compared_depends_on_the_status(status, new, gone):
    change = CHANGES[ChangeKind.LEIE]
    assert bool(finding_differences(change, decided(status), [EXCLUDED])) is new
    assert bool(finding_differences(change, decided(status, EXCLUDED), [])) is gone
    assert finding_differences(change, decided(status, EXCLUDED), [EXCLUDED]) == ()


def test_an_exclusion_on_a_paid_claim_says_that_it_was_paid_before_it_was_known():
    (one,) = finding_differences(CHANGES[ChangeKind.LEIE], decided(), [EXCLUDED])
    assert one.text == "Paid before the exclusion was known: NPI 1 is on the list."
    assert (one.kind, one.before_cents, one.now_cents) == (DifferenceKind.NEW, 100_00, 0)


def test_a_finding_that_sends_to_review_states_no_amount():
    (one,) = finding_differences(CHANGES[ChangeKind.MUE], decided(), [UNITS])
    assert one.text == "Paid before this was known: Too many units."
    assert (one.line, one.before_cents, one.now_cents) == (1, None, None)


def test_a_finding_that_another_release_repeats_is_the_same():
    later = Finding(UNITS.code, UNITS.outcome, "Still too many.", "mue release of 2026 P1", 1)
    assert finding_differences(CHANGES[ChangeKind.MUE], decided(Outcome.IN_REVIEW, UNITS), [later]) == ()


@pytest.mark.parametrize(
    ("kind", "code", "then", "now"),
    [
        (ChangeKind.MUE, "medically_unlikely_units", ("mue r1 P1", 2), ("mue r2 P1", 1)),
        (ChangeKind.PTP, "procedure_pair", ("ptp r1 P1 P2", 1), ("ptp r2 P1 P2", 3)),
        (ChangeKind.PROCEDURE, "units_over_limit", ("procedures/P1 max_units", 2), ("procedures/P1 max_units", 1)),
        (ChangeKind.PROCEDURE, "procedure_age", ("procedures/P1 min_age_years", 1), ("procedures/P1 max_age_years", 1)),
        (
            ChangeKind.PLAN,
            "waiting_period",
            ("plans/PL waiting_days, terms from 2020-01-01", None),
            ("plans/PL waiting_days, terms from 2026-01-01", None),
        ),
        (
            ChangeKind.MEMBER,
            "enrollment_unknown",
            ("plans/PL waiting_days, terms from 2020-01-01", None),
            ("plans/PL2 waiting_days, terms from 2020-01-01", None),
        ),
        (ChangeKind.PROVIDER, "provider_on_exclusion_list", ("leie r1 1", None), ("leie r1 2", None)),
    ],
)
def test_a_finding_at_another_line_or_by_other_terms_still_holds(kind, code, then, now):
    earlier, later = (Finding(code, Outcome.IN_REVIEW, "Found.", cites, line) for cites, line in (then, now))
    assert finding_differences(CHANGES[kind], decided(Outcome.IN_REVIEW, earlier), [later]) == ()
    (first,) = finding_differences(CHANGES[kind], decided(), [earlier])
    (second,) = finding_differences(CHANGES[kind], decided(), [later])
    assert first.key == second.key


@pytest.mark.parametrize(
    ("kind", "code", "then", "now"),
    [
        (ChangeKind.MUE, "medically_unlikely_units", ("mue r1 P1", 1), ("mue r1 P2", 1)),
        (ChangeKind.ICD10, "diagnosis_code_invalid", ("icd10 r1 D1", None), ("icd10 r1 D2", None)),
        (ChangeKind.PROCEDURE, "procedure_sex", ("procedures/P1 sex", 1), ("procedures/P2 sex", 2)),
        (ChangeKind.HCPCS, "procedure_code_unknown", ("hcpcs r1 A0001", 1), ("hcpcs r1 A0001", 2)),
    ],
)
def test_a_finding_about_another_code_or_line_is_another(kind, code, then, now):
    earlier, later = (Finding(code, Outcome.IN_REVIEW, "Found.", cites, line) for cites, line in (then, now))
    found = finding_differences(CHANGES[kind], decided(Outcome.IN_REVIEW, earlier), [later])
    assert [one.kind for one in found] == [DifferenceKind.NEW, DifferenceKind.GONE]


def test_a_pair_is_distinguished_from_another_with_the_same_first_code():
    one, other = (
        Finding("procedure_pair", Outcome.IN_REVIEW, "A pair.", f"ptp r1 P1 {code}", 1) for code in ("P2", "P3")
    )
    found = finding_differences(CHANGES[ChangeKind.PTP], decided(Outcome.IN_REVIEW, one), [other])
    assert [(found.kind, found.entry) for found in found] == [
        (DifferenceKind.NEW, "ptp P1 P3"),
        (DifferenceKind.GONE, "ptp P1 P2"),
    ]


def test_a_change_is_not_compared_with_what_it_cannot_affect():
    assert finding_differences(CHANGES[ChangeKind.FEES], decided(), [EXCLUDED, UNITS]) == ()
    of_catalogue = Finding("procedure_code_deactivated", Outcome.IN_REVIEW, "Not valid.", "procedures/P1 validity", 1)
    assert finding_differences(CHANGES[ChangeKind.HCPCS], decided(), [of_catalogue]) == ()
    assert finding_differences(CHANGES[ChangeKind.PROCEDURE], decided(), [of_catalogue])


@pytest.mark.parametrize(("allowed", "now"), [(80_00, 60_00), (100_00, 80_00), (90_00, None), (10_00, 0)])
def test_a_price_states_what_would_be_paid(allowed, now):
    before = paid_by(TERMS, 90_00)
    difference = amount_difference(before, prices(allowed), TERMS, NOTHING_SHARED)
    assert (None if difference is None else difference.now_cents) == now
    assert differs_in_price(before, prices(allowed), TERMS) is (now is not None)
    if difference is not None:
        assert (difference.before_cents, difference.cites) == (70_00, "fees 2026 P1")


def test_what_other_claims_have_shared_since_makes_no_difference():
    terms = CostSharing("PL", date(2020, 1, 1), deductible_cents=50_00)
    before = paid_by(terms, 90_00)
    difference = amount_difference(before, prices(80_00), terms, CostShared(50_00, 50_00))
    assert difference is not None
    assert (difference.before_cents, difference.now_cents) == (40_00, 30_00)


def test_a_payment_limited_by_a_benefit_is_not_raised():
    payment = itemize(prices(90_00), TERMS, NOTHING_SHARED).limited_to(30_00, BENEFIT_USED_UP)
    before = decided(Outcome.PARTIALLY_APPROVED, paid=30_00, payment=payment)
    assert amount_difference(before, prices(100_00), TERMS, NOTHING_SHARED) is None
    lowered = amount_difference(before, prices(40_00), TERMS, NOTHING_SHARED)
    assert lowered is not None
    assert lowered.now_cents == 20_00


def test_terms_of_a_plan_that_had_none_are_compared_and_history_is_not():
    assert differs_in_price(decided(), prices(100_00), TERMS)
    assert not differs_in_price(decided(), prices(100_00), None)
    assert not differs_in_price(decided(is_assessed=False), prices(100_00), TERMS)
    assert not differs_in_price(decided(Outcome.REJECTED), prices(100_00), TERMS)


def test_an_amount_is_another_difference_when_it_changes_again():
    before = paid_by(TERMS, 90_00)
    first, second = (amount_difference(before, prices(cents), TERMS, NOTHING_SHARED) for cents in (80_00, 70_00))
    assert first is not None
    assert second is not None
    assert first.key != second.key


def with_other_payer(*lines: tuple[int, int]) -> tuple[LinePrice, ...]:
    """Lines with what is allowed and what others paid of it."""
    return tuple(LinePrice(number, 100_00, *line) for number, line in enumerate(lines, start=1))


@pytest.mark.parametrize(
    ("then", "now", "amount"),
    [
        # what others paid is known: it was not cut, or is cut again
        ([(90_00, 30_00)], [(80_00, 30_00)], 50_00),
        ([(90_00, 30_00)], [(20_00, 20_00)], 0),
        ([(60_00, 30_00), (50_00, 0)], [(40_00, 30_00), (50_00, 0)], 60_00),
        # cut then, so it may be more now, or leave more to the next line
        ([(40_00, 40_00)], [(80_00, 40_00)], None),
        ([(40_00, 40_00), (90_00, 10_00)], [(30_00, 30_00), (90_00, 10_00)], None),
        ([(90_00, 60_00), (0, 0)], [(90_00, 60_00), (50_00, 0)], None),
    ],
)
def test_an_amount_is_computed_only_where_what_other_payers_paid_is_known(then, now, amount):
    payment = itemize(with_other_payer(*then), None, NOTHING_SHARED)
    before = decided(paid=payment.paid_cents, payment=payment)
    if amount is None:
        with pytest.raises(AmountUnknown):
            amount_difference(before, with_other_payer(*now), None, NOTHING_SHARED)
        return
    difference = amount_difference(before, with_other_payer(*now), None, NOTHING_SHARED)
    assert difference is not None
    assert difference.now_cents == amount
