"""What a late score may change, and what it must leave."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claims.adjudication import CODES_WITHOUT_SCORE, reconsider
from claims.outcome import Finding, Outcome
from tests.claims.makers import make_score

UNITS = Finding("units_over_limit", Outcome.IN_REVIEW, "words", "table")
BY_RULE = Finding("rule_flagged", Outcome.IN_REVIEW, "words", "table")


def reconsidered(outcome_before, *, probability=0.1, findings=(), approved=0, reserved=0, by_person=False, **score):
    return reconsider(
        outcome=outcome_before,
        approved_cents=approved,
        reserved_cents=reserved,
        findings=findings,
        score=make_score(probability, **score),
        decided_by_person=by_person,
    )


@pytest.mark.parametrize(
    ("outcome_before", "money", "probability", "outcome", "after"),
    [
        (Outcome.APPROVED, (70_00, 0), 0.1, Outcome.APPROVED, (70_00, 0)),
        (Outcome.APPROVED, (70_00, 0), 0.9, Outcome.IN_REVIEW, (0, 70_00)),
        (Outcome.PARTIALLY_APPROVED, (70_00, 0), 0.9, Outcome.IN_REVIEW, (0, 70_00)),
        (Outcome.PARTIALLY_APPROVED, (70_00, 0), 0.1, Outcome.PARTIALLY_APPROVED, (70_00, 0)),
        (Outcome.IN_REVIEW, (0, 70_00), 0.1, Outcome.IN_REVIEW, (0, 70_00)),
        (Outcome.IN_REVIEW, (0, 70_00), 0.9, Outcome.IN_REVIEW, (0, 70_00)),
        (Outcome.REJECTED, (0, 0), 0.9, Outcome.REJECTED, (0, 0)),
    ],
)
def test_a_late_score_sends_to_review_but_never_pays_and_never_rejects(
    outcome_before, money, probability, outcome, after
):
    approved, reserved = money
    decision = reconsidered(outcome_before, approved=approved, reserved=reserved, probability=probability)
    assert (decision.outcome, decision.approved_cents, decision.reserved_cents) == (outcome, *after)
    assert decision.decided_by == "model"


@pytest.mark.parametrize("code", sorted(CODES_WITHOUT_SCORE))
@pytest.mark.parametrize("probability", [0.1, 0.9])
def test_the_finding_that_held_a_claim_remains_and_states_that_a_score_arrived(code, probability):
    held = Finding(code, Outcome.IN_REVIEW, "words", "table")
    decision = reconsidered(Outcome.IN_REVIEW, findings=[UNITS, held], reserved=1, probability=probability)
    assert [(one.code, one.superseded) for one in decision.findings[:2]] == [("units_over_limit", False), (code, True)]


@pytest.mark.parametrize(
    ("findings", "probability", "offered"),
    [
        ([BY_RULE], 0.1, True),
        ([BY_RULE], 0.9, False),
        ([UNITS, BY_RULE], 0.1, False),
        ([UNITS], 0.1, False),
    ],
)
def test_a_claim_that_only_the_missing_score_held_is_offered_for_release(findings, probability, offered):
    decision = reconsidered(Outcome.IN_REVIEW, findings=findings, probability=probability, reserved=1)
    assert decision.outcome is Outcome.IN_REVIEW
    assert ("later_score_does_not_flag" in [one.code for one in decision.findings]) == offered


def test_the_offer_of_a_release_states_what_the_reviewer_can_do_and_names_the_model():
    decision = reconsidered(Outcome.IN_REVIEW, findings=[BY_RULE], probability=0.1, reserved=1)
    assert decision.findings[-1] == Finding(
        "later_score_does_not_flag",
        Outcome.APPROVED,
        "Held because no score was available. The later score does not flag the claim; a reviewer can release it.",
        "models/v1",
    )


@given(
    outcome_before=st.sampled_from([Outcome.APPROVED, Outcome.PARTIALLY_APPROVED, Outcome.DENIED]),
    probability=st.floats(0, 1),
    approved=st.integers(0, 10_000_00),
    findings=st.lists(st.sampled_from([UNITS, BY_RULE]), max_size=3),
)
def test_a_late_score_never_changes_a_persons_decision_and_is_noted(outcome_before, probability, approved, findings):
    decision = reconsidered(
        outcome_before, probability=probability, approved=approved, findings=findings, by_person=True
    )
    assert (decision.outcome, decision.approved_cents, decision.reserved_cents) == (outcome_before, approved, 0)
    note = "flagged_after_decision" if decision.flagged else "scored_after_decision"
    assert [one.code for one in decision.findings] == [*(one.code for one in findings), note]


@pytest.mark.parametrize(
    ("probability", "finding"),
    [
        (
            0.9,
            Finding(
                "flagged_after_decision",
                Outcome.IN_REVIEW,
                "A score received after the reviewer's decision flags the claim. The decision holds unless reopened.",
                "models/v1",
            ),
        ),
        (
            0.1,
            Finding(
                "scored_after_decision",
                Outcome.APPROVED,
                "A score received after the reviewer's decision does not flag the claim. The decision holds.",
                "models/v1",
            ),
        ),
    ],
)
def test_a_score_after_a_decision_leaves_it_and_says_so(probability, finding):
    decision = reconsidered(Outcome.REJECTED, probability=probability, by_person=True, reserved=7, approved=3)
    assert decision.findings == (finding,)
    assert (decision.outcome, decision.approved_cents, decision.reserved_cents) == (Outcome.REJECTED, 3, 7)
    assert (decision.decided_by, decision.flagged) == ("model", finding.outcome is Outcome.IN_REVIEW)


@given(
    outcome_before=st.sampled_from(Outcome),
    probability=st.floats(0, 1),
    held=st.lists(st.sampled_from([UNITS, BY_RULE]), max_size=3),
    by_person=st.booleans(),
)
def test_a_claim_in_review_always_has_a_reason(outcome_before, probability, held, by_person):
    decision = reconsidered(outcome_before, probability=probability, findings=held, by_person=by_person)
    if decision.outcome is Outcome.IN_REVIEW and (held or outcome_before is not Outcome.IN_REVIEW):
        assert any(one.outcome is Outcome.IN_REVIEW for one in decision.findings)


@pytest.mark.parametrize(
    "score",
    [
        {
            "out_of_range": [
                {"feature": "amount", "meaning": "The amount claimed.", "value": 1e7, "low": 12.0, "high": 90_000.0}
            ]
        },
        {"tail_features": 4, "tail_limit": 3},
        {"gain_present": 0.79},
    ],
)
def test_a_late_score_on_incomplete_features_sends_to_review_and_releases_nothing(score):
    decision = reconsidered(Outcome.APPROVED, approved=70_00, **score)
    assert (decision.outcome, decision.approved_cents, decision.reserved_cents) == (Outcome.IN_REVIEW, 0, 70_00)
    held = reconsidered(Outcome.IN_REVIEW, findings=[BY_RULE], reserved=70_00, **score)
    assert "later_score_does_not_flag" not in [one.code for one in held.findings]
