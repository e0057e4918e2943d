"""Prior authorization: which lines need one, what is found about it, and what a claim uses of it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claims.adjudication import CONTRACT_DENIALS, authorized_services, run_edits
from claims.claim import Claim, ClaimLine
from claims.outcome import Outcome
from claims.prior_authorization import (
    Authorization,
    AuthorizationCount,
    AuthorizationRequirement,
    AuthorizationState,
    AuthorizationUse,
    AuthorizedServices,
    CodeRange,
)
from claims.reference import EarlierCover, Member
from tests.claims.makers import DAY, make_claim, make_evidence

FIRST = date(2026, 1, 1)


def requirement(codes: str = "P001", **changes: Any) -> AuthorizationRequirement:
    found = CodeRange.parse(codes)
    return AuthorizationRequirement("PL1", found.first, found.last, **({"first_day": FIRST} | changes))


VISITS = AuthorizationCount.VISITS
Days = Sequence[date]


def use(used: int | Days = 0, reserved: int | Days = 0, **changes: Any) -> AuthorizationUse:
    """Of other claims: units, or the days of visits."""
    values: dict[str, Any] = {
        "number": "A1",
        "member_id": "M1",
        "provider_id": None,
        "procedures": (CodeRange.parse("P001"),),
        "units": None,
        "counts": AuthorizationCount.UNITS,
        "first_day": FIRST,
        "last_day": None,
        "state": AuthorizationState.APPROVED,
    }
    services = [
        AuthorizedServices(one) if isinstance(one, int) else AuthorizedServices(len(one), frozenset(one))
        for one in (used, reserved)
    ]
    return AuthorizationUse(Authorization(**(values | changes)), *services)


def found(
    claim: Claim, *requirements: AuthorizationRequirement, of: AuthorizationUse | None = None
) -> list[tuple[str, Outcome]]:
    evidence = make_evidence(claim, member=Member("M1", requirements=requirements), authorization=of)
    return [(one.code, one.outcome) for one in run_edits(evidence) if one.code.startswith("authorization_")]


def numbered(*lines: ClaimLine, **changes: Any) -> Claim:
    return make_claim(*lines, authorization_number="A1", **changes)


@pytest.mark.parametrize("text", ["", "..", "97110..", "97140..97110", "97110..9714", "é", "x" * 17])
def test_a_range_has_codes_of_one_length_the_lower_one_first(text: str):
    with pytest.raises(ValueError, match="must be a"):
        CodeRange.parse(text)


def test_a_range_holds_its_ends_and_no_code_of_another_length():
    codes = CodeRange.parse("97110..97140")
    inside = ("97110", "97125", "97140")
    assert [codes.has(code) for code in (*inside, "97109", "97141", "9712", "971250")] == [True] * 3 + [False] * 4
    assert (str(codes), str(CodeRange.parse("P001"))) == ("97110..97140", "P001")


@pytest.mark.parametrize(
    ("rule", "changes", "needs"),
    [
        (requirement("P001..P009"), {}, True),
        (requirement("P002"), {}, False),
        (requirement(first_day=DAY, last_day=DAY), {}, True),
        (requirement(first_day=FIRST, last_day=date(2026, 3, 1)), {}, False),
        (requirement(first_day=date(2026, 3, 3)), {}, False),
        (requirement(places=("21", "22")), {"place_of_service": "22"}, True),
        (requirement(places=("21", "22")), {"place_of_service": "11"}, False),
        (requirement(above_cents=100_00), {}, False),
        (requirement(above_cents=99_99), {}, True),
    ],
)
def test_a_requirement_is_of_codes_days_places_and_amounts(rule, changes, needs):
    assert found(make_claim(**changes), rule) == ([("authorization_missing", Outcome.REJECTED)] if needs else [])


def test_the_amount_is_that_of_all_lines_in_the_range_so_that_splitting_a_line_does_not_evade_it():
    lines = ClaimLine("P001", 60_00), ClaimLine("P002", 60_00)
    assert found(make_claim(*lines), requirement("P001..P009", above_cents=100_00))
    assert not found(make_claim(*lines), requirement("P001", above_cents=100_00))


def test_the_day_is_that_of_the_line():
    later = ClaimLine("P001", 100_00, service_date=date(2026, 3, 4))
    claim = make_claim(later, service_to=date(2026, 3, 5), received_on=date(2026, 3, 6))
    assert found(claim, requirement(first_day=date(2026, 3, 4)))
    assert not found(claim, requirement(first_day=date(2026, 3, 5)))


@pytest.mark.parametrize(
    ("of", "code", "outcome"),
    [
        (None, "authorization_unknown", Outcome.REJECTED),
        (use(state=AuthorizationState.DENIED), "authorization_unknown", Outcome.REJECTED),
        (use(state=AuthorizationState.CANCELLED), "authorization_unknown", Outcome.REJECTED),
        (use(provider_id="H2"), "authorization_other_provider", Outcome.REJECTED),
        (use(last_day=date(2026, 3, 1)), "authorization_other_day", Outcome.REJECTED),
        (use(first_day=date(2026, 3, 3)), "authorization_other_day", Outcome.REJECTED),
        (use(2, units=2), "authorization_exceeded", Outcome.REJECTED),
        (use(1, 1, units=2), "authorization_units_short", Outcome.IN_REVIEW),
        (use(state=AuthorizationState.PENDING), "authorization_pending", Outcome.IN_REVIEW),
        (use(procedures=(CodeRange.parse("P002"),)), "authorization_other_service", Outcome.IN_REVIEW),
    ],
)
def test_the_contract_rejects_and_what_concerns_the_service_goes_to_a_person(of, code, outcome):
    assert found(numbered(), requirement(), of=of) == [(code, outcome)]
    assert (code in CONTRACT_DENIALS) == (outcome is Outcome.REJECTED)


@pytest.mark.parametrize(
    "of",
    [use(), use(provider_id="H1"), use(first_day=DAY, last_day=DAY), use(1, units=2), use(0, 1, units=2)],
)
def test_a_claim_with_a_valid_authorization_has_no_finding(of):
    assert found(numbered(), requirement(), of=of) == []


def test_a_claim_with_lines_that_need_none_is_not_rejected():
    lines = ClaimLine("P001", 100_00), ClaimLine("P002", 5_00)
    assert found(make_claim(*lines), requirement()) == [("authorization_missing", Outcome.IN_REVIEW)]


def test_an_unknown_place_of_service_rejects_nothing():
    assert found(make_claim(), requirement(places=("21",))) == [("authorization_missing", Outcome.IN_REVIEW)]
    certain = found(make_claim(), requirement(places=("21",)), requirement())
    assert certain == [("authorization_missing", Outcome.REJECTED)]


def test_a_plan_without_requirement_asks_for_nothing():
    assert found(make_claim()) == found(numbered()) == []


def test_the_requirement_is_that_of_the_plan_on_the_day():
    before = EarlierCover(None, date(2026, 2, 28), requirements=(requirement(),))
    member = Member("M1", enrolled_from=date(2026, 3, 1), earlier=(before,))
    assert member.on(date(2026, 2, 1)).requirements == (requirement(),)
    assert member.on(DAY).requirements == ()


def test_a_claim_uses_all_that_it_needs_in_both_ways_of_counting_whatever_is_left():
    days = [date(2026, 3, 2), date(2026, 3, 2), date(2026, 3, 3)]
    lines = [ClaimLine("P001", 10_00, 4, day) for day in days]
    claim = numbered(*lines, ClaimLine("P002", 1_00, 50), service_to=date(2026, 3, 3), received_on=date(2026, 3, 3))
    assert authorized_services(claim, [requirement()]) == AuthorizedServices(12, frozenset(days))
    assert authorized_services(claim, []) == AuthorizedServices()
    assert authorized_services(replace(claim, authorization_number=None), [requirement()]) == AuthorizedServices()


def test_two_claims_of_one_day_are_one_visit():
    """The facility and the surgeon bill the same operation."""
    other = date(2026, 2, 1)
    for of in (use([DAY], units=1, counts=VISITS), use([DAY, other], units=2, counts=VISITS)):
        assert found(numbered(), requirement(), of=of) == []
    assert found(numbered(), requirement(), of=use((), [DAY], units=1, counts=VISITS)) == []
    used_up = use([other], [DAY], units=1, counts=VISITS)
    assert found(numbered(), requirement(), of=used_up) == [("authorization_exceeded", Outcome.REJECTED)]


def test_a_claim_of_a_paid_visit_and_a_further_one_is_left_to_a_person():
    """A rejection would deny the line of the visit that is paid, too."""
    before = date(2026, 3, 1)
    lines = [ClaimLine("P001", 10_00, 1, before), ClaimLine("P001", 10_00, 1, DAY)]
    claim = numbered(*lines, service_from=before, service_to=DAY)
    for paid, in_review in (([before], []), ([before], [DAY]), ([], [before])):
        of = use(paid, in_review, units=1, counts=VISITS)
        assert found(claim, requirement(), of=of) == [("authorization_units_short", Outcome.IN_REVIEW)]
    other = use([date(2026, 2, 1)], units=1, counts=VISITS)
    assert found(claim, requirement(), of=other) == [("authorization_exceeded", Outcome.REJECTED)]


def test_a_visit_of_claims_in_review_beyond_the_limit_is_left_to_a_person():
    of = use((), [date(2026, 2, 1), DAY], units=1, counts=VISITS)
    assert (of.used, of.reserved, of.left) == (0, 2, 0)
    assert found(numbered(), requirement(), of=of) == [("authorization_units_short", Outcome.IN_REVIEW)]


@pytest.mark.parametrize("text", ["A1 A2", "A1, A2", "#1", "é", "x" * 65])
def test_a_text_that_no_authorization_has_as_number_goes_to_a_person_where_one_is_needed(text):
    claim = make_claim(authorization_number=text)
    assert found(claim, requirement()) == [("authorization_unclear", Outcome.IN_REVIEW)]
    assert found(claim) == []


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(1, 5), st.booleans(), st.booleans()), max_size=12),
    st.integers(1, 30),
    st.sampled_from(AuthorizationCount),
)
def test_no_claim_is_approved_beyond_what_was_authorized_unless_a_person_releases_it(claims, units, counts):
    """Each claim is decided after the one before it, as under the lock of its member; a person releases or denies."""
    paid: list[tuple[int, date]] = []
    held: list[tuple[int, date]] = []

    def measured(*claims: tuple[int, date]) -> int:
        return len({day for _, day in claims}) if counts is VISITS else sum(count for count, _ in claims)

    for count, day, reviewed, released in claims:
        service = (count, date(2026, 3, day))
        line = ClaimLine("P001", 100_00, count, service[1])
        claim = numbered(line, service_from=date(2026, 3, 1), service_to=service[1], received_on=date(2026, 3, 9))
        before = AuthorizationUse(
            use(units=units, counts=counts).authorization,
            *(AuthorizedServices(sum(one for one, _ in of), frozenset(on for _, on in of)) for of in (paid, held)),
        )
        assert (before.used, before.used + before.reserved) == (measured(*paid), measured(*paid, *held))
        findings = found(claim, requirement(), of=before)
        outcome = max((one for _, one in findings), key=lambda one: one.priority, default=Outcome.APPROVED)
        if outcome is Outcome.APPROVED and not reviewed:
            fits = measured(*paid, *held, service) <= units
            assert fits or measured(*paid, service) == measured(*paid)
            paid.append(service)
        elif outcome is not Outcome.REJECTED:
            held.append(service)
        else:
            assert measured(*paid) >= units
        if held and reviewed and released:
            paid.append(held.pop(0))
        elif held and released:
            held.pop(0)
