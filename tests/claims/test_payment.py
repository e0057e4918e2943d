"""The payment of a claim line by line: prices, the order of cost sharing, and sums to the cent."""

from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claims.adjudication import CONTRACT_DENIALS, rejecting
from claims.claim import ClaimLine, InvalidClaim
from claims.code_tables import TableEntry, TableKind, TablesInForce
from claims.cost_sharing import NOTHING_SHARED, CostShared, CostSharing, terms_on
from claims.outcome import Finding, Outcome
from claims.payment import (
    BENEFIT_USED_UP,
    COINSURANCE,
    COPAYMENT,
    DEDUCTIBLE,
    OTHER_PAYER,
    AdjustmentGroup,
    ClaimPayment,
    LinePrice,
    OtherPayerSent,
    PriceSource,
    itemize,
    line_prices,
    reason_of_contract,
    reason_of_person,
)
from tests.claims.makers import DAY, make_claim

CENTS = st.integers(0, 3_000_00)
TERMS = st.builds(
    CostSharing,
    plan_id=st.just("PL1"),
    first_day=st.just(DAY),
    deductible_cents=CENTS,
    copay_cents=st.integers(0, 100_00),
    coinsurance_share=st.integers(0, 10_000),
    out_of_pocket_cents=st.none() | CENTS,
)


@st.composite
def prices(draw):
    found = []
    for number in range(1, draw(st.integers(1, 5)) + 1):
        billed = draw(st.integers(1, 2_000_00))
        allowed = draw(st.integers(0, billed))
        found.append(LinePrice(number, billed, allowed, draw(st.integers(0, allowed))))
    return tuple(found)


def terms(**changes) -> CostSharing:
    return CostSharing("PL1", date(2026, 1, 1), **changes)


def one(payment: ClaimPayment) -> dict[str, int]:
    """The cents of each adjustment of a claim with one line, by group and code."""
    (line,) = payment.lines
    return {f"{it.reason.group}-{it.reason.carc}": it.cents for it in line.adjustments}


def balances(payment: ClaimPayment) -> bool:
    return all(
        line.price.billed_cents == line.paid_cents + sum(it.cents for it in line.adjustments)
        and line.paid_cents >= 0
        and all(it.cents > 0 for it in line.adjustments)
        for line in payment.lines
    )


@given(prices(), st.none() | TERMS, st.builds(CostShared, CENTS, CENTS), CENTS, CENTS)
def test_billed_is_paid_and_adjusted_to_the_cent_whatever_is_decided(lines, plan, shared, benefit, pays):
    due = itemize(lines, plan, shared)
    limited = due.limited_to(benefit, BENEFIT_USED_UP)
    reduced = limited.limited_to(pays, reason_of_person("45", "fees"))
    denied = reduced.denied(reason_of_person(None, ""))
    assert all(balances(payment) for payment in (due, limited, reduced, denied))
    assert limited.paid_cents == min(due.paid_cents, benefit)
    assert reduced.paid_cents == min(limited.paid_cents, pays)
    assert (denied.paid_cents, denied.counts) == (0, NOTHING_SHARED)
    assert denied.prices == lines


@given(prices(), TERMS, st.builds(CostShared, CENTS, CENTS))
def test_the_plan_pays_what_it_would_alone_but_at_most_the_rest_of_what_others_paid(lines, plan, shared):
    """NAIC MDL-120, section 7, with a share of the fraction as the oracle of the rounding."""
    alone = itemize([LinePrice(line.line, line.billed_cents, line.allowed_cents) for line in lines], plan, shared)
    payment = itemize(lines, plan, shared)
    assert payment.counts.deductible_cents <= max(0, plan.deductible_cents - shared.deductible_cents)
    if plan.out_of_pocket_cents is not None:
        left = max(0, plan.out_of_pocket_cents - shared.out_of_pocket_cents)
        assert payment.counts.out_of_pocket_cents <= left
    else:
        for mine, single in zip(payment.lines, alone.lines, strict=True):
            rest = mine.price.allowed_cents - mine.price.other_payer_cents
            assert mine.paid_cents == min(single.paid_cents, rest)
            base = single.price.allowed_cents - single.of(DEDUCTIBLE) - single.of(COPAYMENT)
            exact = Fraction(base * plan.coinsurance_share, 10_000)
            assert -Fraction(1, 2) < single.of(COINSURANCE) - exact <= Fraction(1, 2)
    for line in payment.lines:
        owed = line.price.allowed_cents - line.price.other_payer_cents
        assert line.paid_cents + line.borne_by(AdjustmentGroup.PATIENT) == owed


@given(st.lists(prices(), min_size=1, max_size=6), TERMS)
def test_the_claims_of_a_year_never_count_more_than_deductible_and_maximum(claims, plan):
    shared = NOTHING_SHARED
    for lines in claims:
        counts = itemize(lines, plan, shared).counts
        shared = CostShared(
            shared.deductible_cents + counts.deductible_cents, shared.out_of_pocket_cents + counts.out_of_pocket_cents
        )
    assert shared.deductible_cents <= plan.deductible_cents
    assert plan.out_of_pocket_cents is None or shared.out_of_pocket_cents <= plan.out_of_pocket_cents


@given(prices(), TERMS)
def test_a_claim_and_its_lines_as_claims_of_their_own_are_paid_alike(lines, plan):
    plan = replace(plan, copay_cents=0)
    together = itemize(lines, plan, NOTHING_SHARED)
    shared, apart = NOTHING_SHARED, []
    for line in lines:
        payment = itemize([line], plan, shared)
        apart += payment.lines
        shared = CostShared(
            shared.deductible_cents + payment.counts.deductible_cents,
            shared.out_of_pocket_cents + payment.counts.out_of_pocket_cents,
        )
    assert together.lines == tuple(apart)


def test_the_deductible_comes_first_then_the_copayment_then_the_share_of_the_rest():
    plan = terms(deductible_cents=50_00, copay_cents=20_00, coinsurance_share=2_000)
    payment = itemize([LinePrice(1, 200_00, 150_00)], plan, NOTHING_SHARED)
    assert one(payment) == {"CO-45": 50_00, "PR-1": 50_00, "PR-3": 20_00, "PR-2": 16_00}
    assert payment.paid_cents == 64_00
    assert payment.counts == CostShared(50_00, 86_00)


def test_half_a_cent_of_coinsurance_is_the_members():
    payment = itemize([LinePrice(1, 25, 25)], terms(coinsurance_share=1_000), NOTHING_SHARED)
    assert one(payment) == {"PR-2": 3}


def test_the_maximum_relieves_the_coinsurance_first():
    plan = terms(deductible_cents=50_00, coinsurance_share=5_000, out_of_pocket_cents=60_00)
    assert one(itemize([LinePrice(1, 150_00, 150_00)], plan, NOTHING_SHARED)) == {"PR-1": 50_00, "PR-2": 10_00}
    used = itemize([LinePrice(1, 150_00, 150_00)], plan, CostShared(0, 60_00))
    assert (one(used), used.paid_cents, used.counts) == ({}, 150_00, NOTHING_SHARED)


def test_another_payer_relieves_the_member_and_counts_to_the_deductible_as_if_there_were_none():
    plan = terms(deductible_cents=50_00, coinsurance_share=2_000)
    payment = itemize([LinePrice(1, 100_00, 100_00, 80_00)], plan, NOTHING_SHARED)
    assert (one(payment), payment.paid_cents) == ({"OA-23": 80_00}, 20_00)
    assert payment.counts == CostShared(50_00, 0)
    little = itemize([LinePrice(1, 100_00, 100_00, 15_00)], plan, NOTHING_SHARED)
    assert one(little) == {"PR-1": 45_00, "OA-23": 15_00}
    assert little.paid_cents == 40_00


def test_a_copayment_is_due_once_for_a_claim():
    plan = terms(copay_cents=25_00)
    payment = itemize([LinePrice(1, 10_00, 10_00), LinePrice(2, 90_00, 90_00)], plan, NOTHING_SHARED)
    assert [line.of(COPAYMENT) for line in payment.lines] == [10_00, 15_00]


def test_the_benefit_pays_the_lines_in_their_order():
    due = itemize([LinePrice(n, 40_00, 40_00) for n in (1, 2, 3)], None, NOTHING_SHARED)
    limited = due.limited_to(60_00, BENEFIT_USED_UP)
    assert [line.paid_cents for line in limited.lines] == [40_00, 20_00, 0]
    assert [line.of(BENEFIT_USED_UP) for line in limited.lines] == [0, 20_00, 40_00]


def test_terms_hold_until_the_next_ones_begin_or_until_they_end():
    old = CostSharing("PL1", date(2025, 1, 1))
    new = CostSharing("PL1", date(2026, 1, 1), date(2026, 6, 30))
    found = {day: terms_on((new, old), day) for day in (date(2024, 12, 31), date(2025, 12, 31), date(2026, 6, 30))}
    assert list(found.values()) == [None, old, new]
    assert terms_on((new, old), date(2026, 7, 1)) is None


@pytest.mark.parametrize(
    ("month", "day", "year"),
    [
        (1, date(2026, 3, 2), (date(2026, 1, 1), date(2026, 12, 31))),
        (7, date(2026, 6, 30), (date(2025, 7, 1), date(2026, 6, 30))),
        (7, date(2026, 7, 1), (date(2026, 7, 1), date(2027, 6, 30))),
    ],
)
def test_a_plan_year_begins_in_its_month(month, day, year):
    assert terms(year_begins_month=month).plan_year(day) == year


def tables(fees=(), contracts=()):
    rows = [(DAY, TableKind.FEES, "2026Q1", entry) for entry in fees]
    return TablesInForce.of([*rows, *((DAY, TableKind.CONTRACTS, "2026Q1", entry) for entry in contracts)])


def priced(line: ClaimLine, **known) -> tuple[int, PriceSource, str | None]:
    (price,) = line_prices(make_claim(line), tables(**known))
    return price.allowed_cents, price.source, price.cites


def test_a_line_costs_the_contract_price_or_else_the_fee_for_each_unit_and_never_more_than_billed():
    line = ClaimLine("P001", 100_00, 2)
    fee, contract = TableEntry("P001", number=30_00), TableEntry("P001", "H1", number=40_00)
    assert priced(line) == (100_00, PriceSource.BILLED, None)
    assert priced(line, fees=[fee]) == (60_00, PriceSource.FEE_SCHEDULE, "fees 2026Q1 P001")
    assert priced(line, fees=[fee], contracts=[contract]) == (80_00, PriceSource.CONTRACT, "contracts 2026Q1 P001 H1")
    assert priced(line, fees=[fee], contracts=[TableEntry("P001", "H2", number=1)])[0] == 60_00
    assert priced(line, fees=[TableEntry("P001", number=50_01)])[:2] == (100_00, PriceSource.BILLED)


def test_a_modifier_has_its_own_price_on_its_days():
    fees = [
        TableEntry("P001", number=30_00),
        TableEntry("P001", "26", last_day=date(2026, 3, 1), number=10_00),
        TableEntry("P001", "26", first_day=DAY, number=12_00),
    ]
    assert priced(ClaimLine("P001", 100_00, modifiers=("59", "26")), fees=fees)[0] == 12_00
    assert priced(ClaimLine("P001", 100_00, modifiers=("59",)), fees=fees)[0] == 30_00


def test_what_others_paid_of_the_claim_goes_to_its_lines_in_order_up_to_the_price():
    claim = make_claim(ClaimLine("P001", 50_00), ClaimLine("P002", 50_00), other_payer_cents=70_00)
    found = line_prices(claim, tables(fees=[TableEntry("P001", number=40_00)]))
    assert [price.other_payer_cents for price in found] == [40_00, 30_00]
    assert [price.other_payer_sent for price in found] == [OtherPayerSent(0, 70_00), OtherPayerSent(0, 30_00)]
    lines = make_claim(ClaimLine("P001", 50_00, other_payer_cents=45_00), ClaimLine("P002", 50_00))
    found = line_prices(lines, tables(fees=[TableEntry("P001", number=40_00)]))
    assert [price.other_payer_cents for price in found] == [40_00, 0]
    assert [price.other_payer_sent for price in found] == [OtherPayerSent(45_00, 0), OtherPayerSent(0, 0)]


@pytest.mark.parametrize(
    ("of_line", "of_claim", "field"),
    [(100_01, 0, "lines[0].other_payer_paid"), (0, 100_01, "other_payer_paid"), (1, 1, "other_payer_paid")],
)
def test_another_payer_pays_at_most_the_amount_of_the_line_or_of_the_claim(of_line, of_claim, field):
    with pytest.raises(InvalidClaim) as caught:
        make_claim(ClaimLine("P001", 100_00, other_payer_cents=of_line), other_payer_cents=of_claim)
    assert caught.value.field == field


@pytest.mark.parametrize("denial", CONTRACT_DENIALS.values(), ids=lambda denial: denial.code)
def test_every_contract_denial_has_a_group(denial):
    groups = {"18": "OA", "26": "PR", "27": "PR", "119": "PR", "179": "PR", "B7": "CO", "197": "CO", "198": "CO"}
    reason = reason_of_contract(denial.carc)
    assert (reason.carc, reason.group) == (denial.carc, groups[denial.carc])


def test_a_rejection_is_explained_by_the_first_finding_that_rejects():
    findings = [Finding("duplicate", Outcome.IN_REVIEW, "", ""), Finding("cover_ended", Outcome.REJECTED, "", "")]
    assert rejecting(findings) is CONTRACT_DENIALS["cover_ended"]
    assert rejecting(findings[:1]) is None


def test_a_person_without_a_code_for_the_reason_gives_the_general_one_with_its_remark():
    reason = reason_of_person(None, "Fraud.")
    assert (reason.group, reason.carc, reason.rarc) == ("CO", "A1", "N10")
    assert reason_of_person("96", "Not covered.").group is AdjustmentGroup.PATIENT
    assert OTHER_PAYER.group is AdjustmentGroup.OTHER
