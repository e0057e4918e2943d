"""Invalid claims and amounts, with the field and the text that names what is allowed; values at the limits pass."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from claims.benefits import Benefit
from claims.claim import Claim, ClaimLine, InvalidClaim
from claims.money import MAX_CENTS, MoneyError, format_cents, parse_cents
from claims.outcome import Outcome, most_severe
from claims.reference import MAX_AGE_YEARS, Member, Procedure, Provider
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
            "must not be after 2026-03-02, the date of receipt; submit the claim once the service is rendered",
        ),
        (
            {"lines": (ClaimLine("P1", 1), ClaimLine("P1", 0))},
            "lines[1].amount",
            "must be a positive number with at most two decimal places",
        ),
        ({"lines": (ClaimLine("P1", 1), ClaimLine("P1", 1, 0))}, "lines[1].units", "must be at least 1"),
        (
            {"lines": (ClaimLine("P1", 1), ClaimLine("P1", 1, service_date=NEXT)), "received_on": NEXT},
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
        received_on=RECEIVED.date(),
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
def test_an_age_is_between_0_and_the_maximum(born, age):
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
def test_an_invalid_amount_names_the_allowed_format(value, text):
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
def test_a_benefit_pays_at_most_what_remains(benefit, remaining, exhausted, pays, depends):
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
def test_the_rule_states_what_it_compared(amount, procedure, expected):
    flagged, average, basis, claims, text = expected
    verdict = check_twice_average(amount, ClaimLine("P", amount, units=2), procedure)
    assert verdict == RuleVerdict(flagged, amount, average, basis, claims, text)
