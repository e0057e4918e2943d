"""What is refused, with the field and the text that names what is allowed; and the values at the limits, accepted."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from claims.benefits import Benefit
from claims.claim import Claim, ClaimLine, InvalidClaim
from claims.money import MAX_CENTS, MoneyError, format_cents, parse_cents
from claims.outcome import Outcome, most_severe
from claims.reference import MAX_AGE_YEARS, Member, Procedure, Provider
from claims.review import (
    Action,
    DecisionRequest,
    Disposition,
    Effect,
    InvalidField,
    NotPermitted,
    Person,
    Proposal,
    RecoveryError,
    ReviewError,
    ReviewPolicy,
    ReviewSubject,
    Settlement,
    StateConflict,
    allowed_actions,
    check_recovery,
    needs_second_approval,
    settle,
)
from claims.rule import RuleVerdict, check_twice_average
from claims.scoring import ClaimFacts
from tests.claims.makers import DAY, RECEIVED, make_claim

NEXT, BEFORE = DAY + timedelta(days=1), DAY - timedelta(days=1)

# Claims


@pytest.mark.parametrize(
    ("changes", "field", "text"),
    [
        ({"received_at": datetime(2026, 3, 2)}, "received_at", "must have a time zone; send UTC"),
        ({"lines": ()}, "lines", "must contain at least one line"),
        ({"diagnosis_codes": ()}, "diagnosis_codes", "must contain at least one diagnosis"),
        (
            {"diagnosis_codes": ("D1", "D2", "D1")},
            "diagnosis_codes",
            "must not contain duplicates; list each diagnosis once",
        ),
        ({"service_to": BEFORE}, "service_to", "must not be before service_from"),
        (
            {"service_from": NEXT, "service_to": NEXT},
            "service_from",
            "must not be after the date of receipt; submit the claim once the service is rendered",
        ),
        (
            {"lines": (ClaimLine("P1", 1), ClaimLine("P1", 0))},
            "lines[1].amount",
            "must be a positive number with at most two decimal places",
        ),
        ({"lines": (ClaimLine("P1", 1), ClaimLine("P1", 1, 0))}, "lines[1].units", "must be at least 1"),
        (
            {"lines": (ClaimLine("P1", 1), ClaimLine("P1", 1, service_date=NEXT))},
            "lines[1].service_date",
            "must lie between service_from and service_to",
        ),
        (
            {"lines": (ClaimLine("P1", 1, service_date=BEFORE),)},
            "lines[0].service_date",
            "must lie between service_from and service_to",
        ),
        (
            {"lines": (ClaimLine("P1", MAX_CENTS), ClaimLine("P1", 1))},
            "claim_amount",
            "must be at most 100000000.00; split the claim",
        ),
    ],
)
def test_an_invalid_claim_names_the_field_and_what_is_allowed(changes, field, text):
    with pytest.raises(InvalidClaim) as refused:
        make_claim(**changes)
    assert (refused.value.field, str(refused.value)) == (field, text)


@pytest.mark.parametrize(
    "lines",
    [
        (ClaimLine("P1", 1, 1),),
        (ClaimLine("P1", MAX_CENTS),),
        (ClaimLine("P1", MAX_CENTS - 1), ClaimLine("P1", 1)),
        (ClaimLine("P1", 1, service_date=DAY),),
    ],
)
def test_a_claim_at_its_limits_is_valid(lines):
    assert make_claim(*lines).lines == lines


def test_the_facts_of_a_claim_are_its_own_and_those_of_its_member_and_provider():
    claim = Claim(
        claim_id="clm_9",
        received_at=RECEIVED,
        member_id="M9",
        provider_id="H9",
        diagnosis_codes=("D1", "D2", "D3"),
        lines=(ClaimLine("P1", 5, 2), ClaimLine("P2", 7, 4)),
        service_from=BEFORE,
        service_to=DAY,
        place_of_service="11",
    )
    member = Member("M9", birth_date=date(1980, 3, 2), sex="M", benefit_limit_cents=9)
    assert claim.facts(member, Provider("H9", specialty="cardiology", region="Coast")) == ClaimFacts(
        claim_id="clm_9",
        received_at=RECEIVED,
        service_from=BEFORE,
        service_to=DAY,
        member_id="M9",
        provider_id="H9",
        procedure_code="P2",
        diagnosis_code="D1",
        place_of_service="11",
        region="Coast",
        specialty="cardiology",
        age_years=45,
        sex="M",
        amount_cents=12,
        units=6,
        lines=2,
        diagnoses=3,
        benefit_limit_cents=9,
    )


@pytest.mark.parametrize(
    ("born", "age"),
    [
        (DAY, 0),
        (NEXT, None),
        (date(2026 - MAX_AGE_YEARS, 3, 2), MAX_AGE_YEARS),
        (date(2025 - MAX_AGE_YEARS, 3, 3), MAX_AGE_YEARS),
        (date(2025 - MAX_AGE_YEARS, 3, 2), None),
        (date(1990, 2, 28), 36),
        (date(1990, 4, 1), 35),
    ],
)
def test_an_age_is_between_nothing_and_the_largest_one(born, age):
    assert Member("M1", birth_date=born).age_years(DAY) == age


# Amounts

NOT_MONEY = "must be a number with at most two decimal places, such as 1250.00"
TOO_LARGE = "must be at most 100000000.00"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, f"{NOT_MONEY}, or a string of one"),
        (1.5, f"{NOT_MONEY}, or a string of one"),
        (None, f"{NOT_MONEY}, or a string of one"),
        ("1.234", NOT_MONEY),
        ("- 1", NOT_MONEY),
        ("\t1", NOT_MONEY),
        (Decimal("NaN"), NOT_MONEY),
        (Decimal("Infinity"), NOT_MONEY),
        (Decimal("0.001"), NOT_MONEY),
        (Decimal("1.001"), NOT_MONEY),
        (Decimal("0.0001"), NOT_MONEY),
        (Decimal("-0.009"), NOT_MONEY),
        (100_000_001, TOO_LARGE),
        ("100000000.01", TOO_LARGE),
        ("-100000000.01", TOO_LARGE),
        (Decimal("100000000.01"), TOO_LARGE),
        (Decimal(1000000000), TOO_LARGE),
        (Decimal("-1E+9"), TOO_LARGE),
    ],
)
def test_an_amount_that_cannot_be_read_says_what_is_allowed(value, text):
    with pytest.raises(MoneyError) as refused:
        parse_cents(value)
    assert str(refused.value) == text


@pytest.mark.parametrize(
    ("value", "cents"),
    [
        ("100000000.00", MAX_CENTS),
        ("-100000000", -MAX_CENTS),
        (100_000_000, MAX_CENTS),
        (-7, -7_00),
        (0, 0),
        ("-0.05", -5),
        ("3.4", 3_40),
        ("-12.3", -12_30),
        (Decimal("99999999.99"), MAX_CENTS - 1),
        (Decimal("-100000000.00"), -MAX_CENTS),
        (Decimal("0.01"), 1),
        (Decimal("0.1"), 10),
        (Decimal(12), 12_00),
        (Decimal("1.2E+3"), 1_200_00),
        (Decimal("0.0100"), 1),
    ],
)
def test_an_amount_at_the_limits_is_read_exactly(value, cents):
    assert parse_cents(value) == cents


@pytest.mark.parametrize(
    ("cents", "text"), [(0, "0.00"), (1, "0.01"), (-1, "-0.01"), (100, "1.00"), (-123_456, "-1234.56"), (99, "0.99")]
)
def test_an_amount_is_written_with_two_decimal_places(cents, text):
    assert format_cents(cents) == text


# The benefit and the outcome


@pytest.mark.parametrize(
    ("benefit", "remaining", "exhausted", "pays", "depends"),
    [
        (Benefit(None, 9), None, False, 10, False),
        (Benefit(10, 0), 10, False, 10, False),
        (Benefit(12, 2), 10, False, 10, False),
        (Benefit(12, 3), 9, False, 9, False),
        (Benefit(10, 9), 1, False, 1, False),
        (Benefit(10, 10), 0, True, 0, False),
        (Benefit(10, 11), 0, True, 0, False),
        (Benefit(10, 0, 1), 9, False, 9, True),
        (Benefit(11, 0, 1), 10, False, 10, False),
        (Benefit(10, 5, 5), 0, False, 0, True),
        (Benefit(10, 9, 2), 0, False, 0, True),
        (Benefit(10, 10, 2), 0, True, 0, False),
    ],
)
def test_what_a_benefit_pays_of_ten_cents(benefit, remaining, exhausted, pays, depends):
    assert (benefit.remaining_cents, benefit.exhausted) == (remaining, exhausted)
    assert (benefit.pays(10), benefit.depends_on_reservations(10)) == (pays, depends)


def test_the_most_severe_outcome_wins_and_only_approvals_pay():
    order = [Outcome.APPROVED, Outcome.PARTIALLY_APPROVED, Outcome.IN_REVIEW, Outcome.REJECTED, Outcome.DENIED]
    assert sorted(Outcome, key=lambda outcome: outcome.priority) == order
    assert [outcome for outcome in order if outcome.pays] == order[:2]
    for worst in range(len(order)):
        assert most_severe(reversed(order[: worst + 1])) is order[worst]
    assert most_severe([]) is Outcome.APPROVED


# The 2× rule


@pytest.mark.parametrize(
    ("amount", "procedure", "expected"),
    [
        (
            200_00,
            Procedure("P", average_cents=100_00, average_claims=5, typical_cents=7),
            (False, 100_00, "average", 5, "200.00 is at most 2 times the average of 100.00 over 5 claims of P."),
        ),
        (
            200_01,
            Procedure("P", average_cents=100_00, average_claims=6),
            (True, 100_00, "average", 6, "200.01 is more than 2 times the average of 100.00 over 6 claims of P."),
        ),
        (
            400_00,
            Procedure("P", average_cents=1, average_claims=4, typical_cents=100_00),
            (False, 200_00, "catalogue", 0, "400.00 is at most 2 times the catalogue price of 200.00 for 2 × P."),
        ),
        (
            400_01,
            Procedure("P", typical_cents=100_00),
            (True, 200_00, "catalogue", 0, "400.01 is more than 2 times the catalogue price of 200.00 for 2 × P."),
        ),
        (
            1_00,
            Procedure("P", average_cents=1, average_claims=4),
            (
                None,
                None,
                "nothing",
                0,
                "P has neither an average nor a catalogue price, so the rule cannot assess 1.00.",
            ),
        ),
    ],
)
def test_the_rule_says_what_it_compared_with_what(amount, procedure, expected):
    flagged, average, basis, claims, text = expected
    verdict = check_twice_average(amount, ClaimLine("P", amount, units=2), procedure)
    assert verdict == RuleVerdict(flagged, amount, average, basis, claims, text)


# Reviews

TODAY = date(2026, 3, 2)
ANN = Person("key_a", "Ann", may_approve=False)
BEA = Person("key_b", "Bea", may_approve=True)
OPEN = ReviewSubject(Outcome.IN_REVIEW, 100_00, 0, 90_00, Benefit(None, 0))
PROPOSAL = Proposal("dec_1", Action.PAY_REDUCED, "fee_schedule", 600_00, None, None, "key_a", "Ann")
PROPOSED = ReviewSubject(Outcome.IN_REVIEW, 700_00, 0, 700_00, Benefit(None, 0), proposal=PROPOSAL)
DECIDED = ReviewSubject(Outcome.DENIED, 100_00, 0, 0, Benefit(None, 0), decided_by_person=True)
AUTOMATIC = replace(DECIDED, decided_by_person=False)
VOIDED = replace(DECIDED, outcome=None)
RELEASE = DecisionRequest(Action.RELEASE, "review_found_no_issue", ANN)
REDUCE = DecisionRequest(Action.PAY_REDUCED, "fee_schedule", ANN, amount_cents=40_00)
DENY = DecisionRequest(Action.DENY, "not_covered", ANN)
DENY_FRAUD = DecisionRequest(Action.DENY, "fraud", ANN, disposition=Disposition.CONFIRMED, kind="upcoding")
PEND = DecisionRequest(Action.PEND, "medical_records_needed", ANN, documents=("report",), due_on=TODAY + timedelta(1))
APPROVE = DecisionRequest(Action.APPROVE, "proposal_agreed", BEA)
REFUSE = DecisionRequest(Action.REFUSE, "proposal_not_supported", BEA)
REOPEN = DecisionRequest(Action.REOPEN, "appeal", BEA)
POLICY = ReviewPolicy(second_approval_above_cents=500_00)


def settled(subject, request):
    return settle(subject, request, policy=POLICY, today=TODAY)


@pytest.mark.parametrize(
    ("subject", "request_", "kind", "text"),
    [
        (
            OPEN,
            REOPEN,
            StateConflict,
            "the claim is in review without a proposal; possible actions: release, pay_reduced, deny, pend",
        ),
        (PROPOSED, RELEASE, StateConflict, "a proposal awaits a second person; approve or refuse it first"),
        (DECIDED, RELEASE, StateConflict, "the claim was already decided by a person; an approver can reopen it"),
        (
            AUTOMATIC,
            RELEASE,
            StateConflict,
            "the claim was decided without a review; correct it with `replaces`, or void it",
        ),
        (VOIDED, RELEASE, StateConflict, "the claim is voided and cannot be decided"),
        (
            PROPOSED,
            replace(APPROVE, by=ANN),
            NotPermitted,
            "only an approver may approve; ask a lead_investigator",
        ),
        (DECIDED, replace(REOPEN, by=ANN), NotPermitted, "only an approver may reopen; ask a lead_investigator"),
        (
            PROPOSED,
            replace(REFUSE, by=Person("key_c", "Ann", may_approve=True)),
            NotPermitted,
            "the person who proposed a decision cannot approve or refuse it; ask another approver",
        ),
        (
            replace(OPEN, benefit=Benefit(50_00, 50_00)),
            RELEASE,
            StateConflict,
            "no benefit remains this year for this claim; deny it as benefit_maximum, or wait",
        ),
        (
            replace(PROPOSED, benefit=Benefit(700_00, 100_01)),
            APPROVE,
            StateConflict,
            (
                "the proposal pays 600.00, but the remaining benefit pays only 599.99; refuse the proposal and submit "
                "another"
            ),
        ),
        (
            replace(DECIDED, recovered_cents=5),
            REOPEN,
            StateConflict,
            (
                "0.05 of the claim's payment was recovered; a claim with recoveries cannot be reopened, record further "
                "results as a disposition"
            ),
        ),
    ],
)
def test_a_review_action_that_is_not_possible_says_what_is(subject, request_, kind, text):
    with pytest.raises(ReviewError) as refused:
        settled(subject, request_)
    assert (type(refused.value), str(refused.value)) == (kind, text)


@pytest.mark.parametrize(
    ("request_", "field", "text"),
    [
        (
            replace(RELEASE, reason="fee_schedule"),
            "reason",
            (
                "must be one of the reasons for release: review_found_no_issue, records_support_service, "
                "later_score_does_not_flag"
            ),
        ),
        (
            replace(PEND, reason="no_such_reason"),
            "reason",
            "must be one of the reasons for pend: medical_records_needed, itemized_bill_needed, other_document_needed",
        ),
        (replace(RELEASE, amount_cents=1), "amount", "is not a field of release; omit it"),
        (replace(DENY, documents=("x",)), "documents", "is not a field of deny; omit it"),
        (replace(RELEASE, due_on=TODAY), "due_on", "is not a field of release; omit it"),
        (replace(RELEASE, kind="upcoding"), "kind", "is not a field of release; omit it"),
        (
            replace(PEND, disposition=Disposition.CLEARED),
            "disposition",
            "is not a field of pend; omit it",
        ),
        (
            replace(RELEASE, disposition=Disposition.CONFIRMED),
            "disposition",
            "must be cleared with release, or omitted",
        ),
        (
            replace(DENY, disposition=Disposition.INCONCLUSIVE),
            "disposition",
            "must be confirmed or cleared with deny, or omitted",
        ),
        (replace(DENY, kind="upcoding"), "kind", "is only for confirmed fraud; omit it"),
        (
            replace(DENY, kind="upcoding", disposition=Disposition.CLEARED),
            "kind",
            "is only for confirmed fraud; omit it",
        ),
        (replace(PEND, documents=()), "documents", "must list 1 to 10 documents"),
        (replace(PEND, documents=("x",) * 11), "documents", "must list 1 to 10 documents"),
        (replace(PEND, documents=("x", "")), "documents", "each name must have 1 to 120 characters"),
        (replace(PEND, documents=("x" * 121,)), "documents", "each name must have 1 to 120 characters"),
        (
            replace(PEND, due_on=TODAY),
            "due_on",
            "must be after today and at most 180 days ahead, by 2026-08-29",
        ),
        (
            replace(PEND, due_on=None),
            "due_on",
            "must be after today and at most 180 days ahead, by 2026-08-29",
        ),
        (
            replace(PEND, due_on=TODAY + timedelta(181)),
            "due_on",
            "must be after today and at most 180 days ahead, by 2026-08-29",
        ),
        (
            replace(DENY_FRAUD, disposition=None, kind=None),
            "disposition",
            "must be `confirmed` to deny as fraud, or use another reason",
        ),
        (
            replace(REDUCE, amount_cents=100_00),
            "amount",
            "must be above 0.00 and below 100.00, the amount a release would pay",
        ),
        (
            replace(REDUCE, amount_cents=0),
            "amount",
            "must be above 0.00 and below 100.00, the amount a release would pay",
        ),
        (
            replace(REDUCE, amount_cents=None),
            "amount",
            "must be above 0.00 and below 100.00, the amount a release would pay",
        ),
    ],
)
def test_an_invalid_field_of_a_review_is_named_with_what_is_allowed(request_, field, text):
    with pytest.raises(InvalidField) as refused:
        settled(OPEN, request_)
    assert (refused.value.field, str(refused.value)) == (field, text)


@pytest.mark.parametrize("request_", [RELEASE, REDUCE])
def test_confirmed_fraud_is_not_paid(request_):
    with pytest.raises(InvalidField) as refused:
        settled(replace(OPEN, disposition=Disposition.CONFIRMED), request_)
    assert (refused.value.field, str(refused.value)) == (
        *("disposition", "the claim is confirmed fraud; deny it, or state `cleared` to correct that"),
    )


def test_a_proposal_is_checked_again_against_what_was_found_since():
    denied = replace(PROPOSAL, action=Action.DENY, reason="fraud", pays_cents=0, disposition=None)
    with pytest.raises(InvalidField, match="must be `confirmed` to deny as fraud"):
        settled(replace(PROPOSED, proposal=denied), APPROVE)
    confirmed = replace(PROPOSED, disposition=Disposition.CONFIRMED)
    assert settled(replace(confirmed, proposal=denied), APPROVE).outcome is Outcome.DENIED
    with pytest.raises(InvalidField, match="the claim is confirmed fraud"):
        settled(confirmed, APPROVE)
    cleared = replace(PROPOSAL, disposition=Disposition.CLEARED)
    assert settled(replace(confirmed, proposal=cleared), APPROVE).approved_cents == 600_00


@pytest.mark.parametrize(
    ("subject", "request_", "expected"),
    [
        (OPEN, RELEASE, Settlement(Effect.SETTLED, Outcome.APPROVED, 100_00, 0, 100_00)),
        (
            OPEN,
            replace(RELEASE, disposition=Disposition.CLEARED),
            Settlement(Effect.SETTLED, Outcome.APPROVED, 100_00, 0, 100_00, Disposition.CLEARED, None, "Ann"),
        ),
        (OPEN, REDUCE, Settlement(Effect.SETTLED, Outcome.PARTIALLY_APPROVED, 40_00, 0, 40_00)),
        (OPEN, DENY, Settlement(Effect.SETTLED, Outcome.DENIED, 0, 0, 0)),
        (
            OPEN,
            DENY_FRAUD,
            Settlement(Effect.SETTLED, Outcome.DENIED, 0, 0, 0, Disposition.CONFIRMED, "upcoding", "Ann"),
        ),
        (OPEN, PEND, Settlement(Effect.PENDED, Outcome.IN_REVIEW, 0, 90_00, 0)),
        (OPEN, replace(PEND, documents=("x" * 120,) * 10), Settlement(Effect.PENDED, Outcome.IN_REVIEW, 0, 90_00, 0)),
        (
            OPEN,
            replace(PEND, due_on=TODAY + timedelta(180)),
            Settlement(Effect.PENDED, Outcome.IN_REVIEW, 0, 90_00, 0),
        ),
        (
            replace(OPEN, amount_cents=500_01),
            REDUCE,
            Settlement(Effect.PROPOSED, Outcome.IN_REVIEW, 0, 90_00, 40_00),
        ),
        (replace(OPEN, amount_cents=500_01), DENY, Settlement(Effect.PROPOSED, Outcome.IN_REVIEW, 0, 90_00, 0)),
        (
            PROPOSED,
            APPROVE,
            Settlement(Effect.SETTLED, Outcome.PARTIALLY_APPROVED, 600_00, 0, 600_00),
        ),
        (
            replace(PROPOSED, proposal=replace(PROPOSAL, disposition=Disposition.CLEARED)),
            APPROVE,
            Settlement(Effect.SETTLED, Outcome.PARTIALLY_APPROVED, 600_00, 0, 600_00, Disposition.CLEARED, None, "Ann"),
        ),
        (PROPOSED, REFUSE, Settlement(Effect.REFUSED, Outcome.IN_REVIEW, 0, 700_00, 600_00)),
        (
            replace(DECIDED, benefit=Benefit(150_00, 70_00)),
            REOPEN,
            Settlement(Effect.REOPENED, Outcome.IN_REVIEW, 0, 80_00, 0),
        ),
    ],
)
def test_what_follows_from_a_review_action(subject, request_, expected):
    assert settled(subject, request_) == expected


@pytest.mark.parametrize(
    ("subject", "by", "expected"),
    [
        (OPEN, ANN, [Action.RELEASE, Action.PAY_REDUCED, Action.DENY, Action.PEND]),
        (OPEN, BEA, [Action.RELEASE, Action.PAY_REDUCED, Action.DENY, Action.PEND]),
        (PROPOSED, ANN, []),
        (PROPOSED, BEA, [Action.APPROVE, Action.REFUSE]),
        (PROPOSED, Person("key_a", "Another name", may_approve=True), []),
        (PROPOSED, Person("key_other", "Ann", may_approve=True), []),
        (DECIDED, ANN, []),
        (DECIDED, BEA, [Action.REOPEN]),
        (AUTOMATIC, BEA, []),
        (VOIDED, BEA, []),
    ],
)
def test_the_actions_offered_to_a_person(subject, by, expected):
    assert allowed_actions(subject, by) == expected


@pytest.mark.parametrize(("amount", "needed"), [(500_00, False), (500_01, True)])
def test_above_the_limit_two_persons_decide(amount, needed):
    assert needs_second_approval(amount, POLICY) is needed


# Recoveries

ONLY_WITH = "must be 0 or more, and above 0 only with confirmed, billing_error, overpayment"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"amount_cents": -1}, ONLY_WITH),
        ({"amount_cents": 1, "disposition": Disposition.CLEARED}, ONLY_WITH),
        ({"outcome": None}, "must be omitted: the claim is voided and counts as never paid"),
        ({"outcome": Outcome.DENIED}, "must be omitted: nothing was paid for the claim"),
        ({"paid_cents": 0}, "must be omitted: nothing was paid for the claim"),
        (
            {"amount_cents": 40_01, "recovered_cents": 60_00},
            "must be at most 40.00: 100.00 was paid for the claim and 60.00 has been recovered",
        ),
        ({"amount_cents": 40_00, "recovered_cents": 60_00}, None),
        ({"amount_cents": 1}, None),
        ({"amount_cents": 1, "paid_cents": 1}, None),
        ({"amount_cents": 0, "outcome": None}, None),
    ],
)
def test_a_recovery_that_is_not_possible_says_why(changes, text):
    values = {
        "disposition": Disposition.OVERPAYMENT,
        "amount_cents": 10_00,
        "outcome": Outcome.APPROVED,
        "paid_cents": 100_00,
        "recovered_cents": 0,
    }
    if text is None:
        check_recovery(**(values | changes))
        return
    with pytest.raises(RecoveryError) as refused:
        check_recovery(**(values | changes))
    assert str(refused.value) == text
