"""Rules of appeals, and what an outcome changes: pure."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claims.adjudication import DecisionPolicy, decide
from claims.appeals import (
    APPEALABLE,
    AppealedDecision,
    AppealOutcome,
    AppealRequest,
    AppealRuleError,
    appeal_problem,
    caused_by,
    packaged_appeal_rules,
    read_appeal_rules,
    settle_appeal,
)
from claims.benefits import Benefit
from claims.outcome import Finding, Outcome
from claims.review import Disposition, ReviewError, ReviewSubject
from tests.claims.makers import make_rule, make_score
from tests.claims.reviews import BEA, NO_LIMIT, make_subject

RULES = packaged_appeal_rules()
DECIDED = date(2026, 3, 2)
APPEALED = AppealedDecision("key_provider", frozenset({"key_a", "Ann"}))
VALID = """
levels = 2
[[deadlines]]
decided_from = 2020-01-01
file_days = 30
decide_days = 10
cites = "contract"
[[overturn_limits]]
appeals = 20
percent = 40
"""


@pytest.mark.parametrize(("line", "days"), [("medicare", 65), ("commercial", 180), ("medicaid", 180), (None, 180)])
def test_the_days_to_appeal_follow_the_line_of_business(line, days):
    deadline = RULES.deadline(line, DECIDED)
    assert deadline.file_by(DECIDED) == DECIDED + timedelta(days=days)
    assert deadline.decide_by(DECIDED) == DECIDED + timedelta(days=60)
    assert deadline.cites


def test_the_deadline_is_the_newest_that_had_begun():
    later = VALID.replace(
        "[[overturn",
        '[[deadlines]]\ndecided_from = 2026-01-01\nfile_days = 9\ndecide_days = 3\ncites = "x"\n[[overturn',
    )
    rules = read_appeal_rules(later)
    days = [rules.deadline(None, day).file_days for day in (date(2025, 12, 31), date(2026, 1, 1))]
    assert days == [30, 9]
    assert rules.deadline(None, date(2019, 12, 31)) is None


@pytest.mark.parametrize(
    ("decided", "overturned", "passed"),
    [(19, 19, False), (20, 8, False), (20, 9, True), (100, 40, False), (100, 41, True)],
)
def test_an_edit_passes_its_limit_with_enough_appeals_and_a_larger_share(decided, overturned, passed):
    assert RULES.limit("duplicate").is_passed(decided=decided, overturned=overturned) is passed


def test_an_edit_has_its_own_limit_before_that_of_all():
    rules = read_appeal_rules(VALID + '[[overturn_limits]]\nedit = "duplicate"\nappeals = 5\npercent = 10\n')
    assert (rules.limit("duplicate").appeals, rules.limit("cover_ended").appeals) == (5, 20)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("x =", "is not TOML"),
        (VALID.replace("levels = 2", "levels = 0"), "levels must be a whole number"),
        (VALID + "[more]\n", "the file: more is not a field"),
        (VALID.replace("file_days = 30", "file_days = 0"), "deadlines 1: file_days must be"),
        (VALID.replace('cites = "contract"', ""), "deadlines 1: cites must be a text"),
        (VALID.replace("decided_from", 'line_of_business = "x"\ndecided_from'), "line_of_business must be one of"),
        (VALID.replace("percent = 40", "percent = 101"), "overturn_limits 1: percent must be"),
        (VALID.replace("appeals = 20", "edit = 1\nappeals = 20"), "edit must be the code"),
        (VALID.partition("[[overturn")[0], "overturn_limits must have at least one entry"),
        (VALID + "[[overturn_limits]]\nappeals = 1\npercent = 1\n", "has two entries for one edit"),
    ],
)
def test_rules_that_cannot_be_right_are_refused_with_their_place(text, problem):
    with pytest.raises(AppealRuleError, match=problem):
        read_appeal_rules(text)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({}, None),
        ({"filed_on": DECIDED + timedelta(days=180)}, None),
        ({"filed_on": DECIDED + timedelta(days=181)}, "could be appealed until 2026-08-29"),
        ({"outcome": None}, "voided"),
        ({"outcome": Outcome.IN_REVIEW}, "in review"),
        ({"outcome": Outcome.APPROVED}, "approved in full"),
        ({"outcome": Outcome.PARTIALLY_APPROVED}, None),
        ({"outcome": Outcome.REJECTED}, None),
        ({"earlier": 1}, None),
        ({"earlier": 2}, "the maximum"),
    ],
)
def test_what_can_be_appealed(change, problem):
    values = {"outcome": Outcome.DENIED, "decided_on": DECIDED, "filed_on": DECIDED, "earlier": 0}
    found = appeal_problem(**(values | change), deadline=RULES.deadline(None, DECIDED), levels=2)
    assert found is None if problem is None else problem in found


def test_the_cause_of_a_rejection_is_its_contract_finding_and_of_a_denial_what_sent_it_to_review():
    findings = [
        Finding("duplicate", Outcome.REJECTED, "t", "c"),
        Finding("model_flagged", Outcome.IN_REVIEW, "t", "c"),
        Finding("units_over_limit", Outcome.IN_REVIEW, "t", "c", line=1),
        Finding("units_over_limit", Outcome.IN_REVIEW, "t", "c", line=2),
        Finding("rule_flagged", Outcome.IN_REVIEW, "t", "c", superseded=True),
    ]
    assert caused_by(Outcome.REJECTED, findings, by_person=False) == ("duplicate",)
    assert caused_by(Outcome.DENIED, findings, by_person=True) == ("model_flagged", "units_over_limit")


subjects = st.builds(
    ReviewSubject,
    outcome=st.none() | st.sampled_from(Outcome),
    amount_cents=st.just(100_00),
    approved_cents=st.integers(0, 100_00),
    reserved_cents=st.just(0),
    benefit=st.builds(Benefit, st.none() | st.integers(0, 200_00), st.integers(0, 200_00), st.integers(0, 100_00)),
    decided_by_person=st.booleans(),
    disposition=st.none() | st.sampled_from(Disposition),
    recovered_cents=st.sampled_from([0, 0, 1]),
)
requests = st.builds(AppealRequest, st.sampled_from(AppealOutcome), st.just(BEA), st.none() | st.integers(-1, 120_00))


@given(subjects, requests)
def test_an_outcome_pays_more_than_before_and_no_more_than_claim_and_benefit(subject, request):
    try:
        result = settle_appeal(subject, APPEALED, request)
    except ReviewError:
        return
    assert subject.outcome not in (None, Outcome.IN_REVIEW)
    if request.outcome is AppealOutcome.UPHELD:
        assert result.settlement is None
        return
    paid = result.settlement
    assert subject.recovered_cents == 0
    assert subject.approved_cents < paid.pays_cents == paid.approved_cents <= min(100_00, subject.payable_cents)
    assert paid.outcome.pays
    assert (paid.outcome is Outcome.APPROVED) == (paid.pays_cents == 100_00)
    if request.outcome is AppealOutcome.OVERTURNED or subject.disposition is Disposition.CONFIRMED:
        assert (paid.disposition, paid.found_by) == (Disposition.CLEARED, BEA.name)


@pytest.mark.parametrize("outcome", sorted(APPEALABLE, key=lambda one: one.value))
def test_every_adverse_outcome_can_be_overturned(outcome):
    subject = make_subject(outcome=outcome, reserved_cents=0, benefit=NO_LIMIT)
    result = settle_appeal(subject, APPEALED, AppealRequest(AppealOutcome.OVERTURNED, BEA))
    assert (result.settlement.pays_cents, result.reason) == (100_00, "appeal_overturned")


def adjudicated(found, *, benefit=NO_LIMIT, suspended=()):
    return decide(
        amount_cents=100_00,
        benefit=benefit,
        findings=found,
        score=make_score(0.1),
        rule=make_rule(False),
        policy=DecisionPolicy(rule_approval_cap_cents=500_00),
        suspended=suspended,
    )


def test_a_suspended_edit_sends_to_review_instead_of_rejecting_and_says_so():
    duplicate = Finding("duplicate", Outcome.REJECTED, "The same.", "claims/c")
    assert adjudicated([duplicate]).outcome is Outcome.REJECTED
    decision = adjudicated([duplicate], suspended={"duplicate"})
    assert (decision.outcome, decision.reserved_cents) == (Outcome.IN_REVIEW, 100_00)
    assert "This edit is suspended" in decision.findings[0].text
    other = Finding("cover_ended", Outcome.REJECTED, "Ended.", "members/m")
    assert adjudicated([duplicate, other], suspended={"duplicate"}).outcome is Outcome.REJECTED


@pytest.mark.parametrize(
    ("benefit", "edit", "outcome"),
    [
        (Benefit(100_00, 100_00), "benefit_exhausted", Outcome.REJECTED),
        (Benefit(100_00, 40_00), "benefit_limit", Outcome.PARTIALLY_APPROVED),
    ],
)
def test_a_suspended_limit_of_the_benefit_sends_to_review(benefit, edit, outcome):
    assert adjudicated([], benefit=benefit).outcome is outcome
    decision = adjudicated([], benefit=benefit, suspended={edit})
    assert (decision.outcome, decision.approved_cents) == (Outcome.IN_REVIEW, 0)
    if outcome is Outcome.PARTIALLY_APPROVED:
        assert [one.code for one in decision.findings] == [edit]
        assert "This edit is suspended" in decision.findings[0].text
