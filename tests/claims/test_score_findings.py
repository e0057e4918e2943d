"""Every finding of scores, the rule, inherited reviews and replacements in full: code, outcome, text, table entry."""

from dataclasses import replace
from datetime import timedelta

import pytest

from claims.adjudication import (
    DecisionPolicy,
    HeldClaim,
    SuspicionPolicy,
    decide,
    findings_of_score,
    inherit,
    reconsider,
    replaced_often,
    score_not_used,
)
from claims.benefits import Benefit
from claims.outcome import Finding, Outcome
from claims.review import replaces_reviewed_claim
from tests.claims.makers import DAY, make_claim, make_rule, make_score


def review(code, text, cites, line=None):
    return Finding(code, Outcome.IN_REVIEW, text, cites, line)


# Findings of a score and of the rule


def outside(value, low=10.0, high=20.0, meaning="The amount claimed."):
    return {"feature": "amount", "meaning": meaning, "value": value, "low": low, "high": high}


NOT_LIKE = "The model was not trained on claims like this one"


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        (
            make_score(0.5),
            review(
                "model_flagged", "The model flags the claim as likely fraud; an investigator reviews it.", "models/v1"
            ),
        ),
        (
            make_score(out_of_range=[outside(50.0)]),
            review(
                "outside_training_range",
                f"{NOT_LIKE}. The amount claimed: 50; training claims have 10 to 20.",
                "models/v1 training range",
            ),
        ),
        (
            make_score(out_of_range=[outside(50.0), outside(90.0, meaning="Units.")]),
            review(
                "outside_training_range",
                f"{NOT_LIKE}. Units: 90; training claims have 10 to 20. 1 more feature is out of range.",
                "models/v1 training range",
            ),
        ),
        (
            make_score(out_of_range=[outside(1_234.5, 0.125, 999.6), outside(21.0), outside(9.0)]),
            review(
                "outside_training_range",
                f"{NOT_LIKE}. The amount claimed: 1,234; training claims have 0.125 to 1,000. "
                "2 more features are out of range.",
                "models/v1 training range",
            ),
        ),
        (
            make_score(tail_features=4, tail_limit=3),
            review(
                "outside_training_range",
                f"{NOT_LIKE}: 4 features have extreme values; 99.9 % of the training claims have at most 3.",
                "models/v1 training range",
            ),
        ),
        (
            make_score(gain_present=0.79),
            review(
                "score_incomplete",
                "Only 79% of the information the model relies on was available; at least 80% is needed. Missing or "
                "stale: not stated.",
                "models/v1 feature views",
            ),
        ),
        (
            make_score(gain_present=0.6, stale_views=["member_today", "network"]),
            review(
                "score_incomplete",
                "Only 60% of the information the model relies on was available; at least 80% is needed. Missing or "
                "stale: member_today, network.",
                "models/v1 feature views",
            ),
        ),
    ],
    ids=lambda value: value.code if isinstance(value, Finding) else "",
)
def test_a_score_states_why_the_claim_goes_to_review(score, expected):
    assert findings_of_score(score) == (expected,)


def test_a_score_has_as_many_findings_as_it_has_reasons_for_review():
    score = make_score(0.9, out_of_range=[outside(50.0)], gain_present=0.1)
    assert [one.code for one in findings_of_score(score)] == [
        *("model_flagged", "outside_training_range", "score_incomplete")
    ]


@pytest.mark.parametrize(
    ("near", "far"),
    [
        (outside(30.0), outside(41.0)),  # 1.5 and 2.05 times the upper bound
        (outside(5.0), outside(41.0)),  # half the lower bound: 2 times
        (outside(30.0), outside(6.0)),
        (outside(39.0), outside(-40.0)),  # the lower bound's own size where the value is not positive: 10
        (outside(0.5, -2.0, 0.0), outside(0.75, -2.0, 0.0)),  # the value itself where the upper bound is 0
        (outside(0.5, -2.0, -1.0), outside(-3.0, -2.0, -1.0)),
        (outside(1.4, -2.0, -1.0), outside(30.0)),
        (outside(60.0), outside(2.0, 0.0, 0.5)),  # 3 and 4 times the upper bound
        (outside(60.0), outside(0.5, 2.0, 3.0)),
        (outside(60.0), outside(0.0)),
    ],
)
def test_the_feature_farthest_outside_its_range_is_the_one_stated(near, far):
    near, far = near | {"meaning": "Nearer."}, far | {"meaning": "Farther."}
    for both in ([near, far], [far, near]):
        (finding,) = findings_of_score(make_score(out_of_range=both))
        assert finding.text.startswith(f"{NOT_LIKE}. Farther: ")


def test_the_finding_of_an_unused_score_states_how_much_was_missing_and_what_decides_instead():
    finding = score_not_used(make_score(gain_present=0.2, stale_views=["network"]), 0.5)
    assert finding == Finding(
        "too_little_known",
        Outcome.APPROVED,
        "The score was not used: only 20% of the information the model relies on was available; at least 50% is "
        "needed. The 2× rule applies, and the claim will be scored again. Missing or stale: network.",
        "models/v1 feature views",
    )


@pytest.mark.parametrize(
    ("flagged", "amount", "expected"),
    [
        (None, 100_00, review("rule_cannot_judge", "words", "procedures")),
        (True, 100_00, review("rule_flagged", "words", "procedures average")),
        (
            False,
            500_01,
            review(
                "above_cap_without_score",
                "No score was available; without one, claims above 500.00 are reviewed by a person.",
                "policy rule_approval_cap",
            ),
        ),
    ],
)
def test_without_a_score_the_rule_states_why_the_claim_goes_to_review(flagged, amount, expected):
    decision = decide(
        amount_cents=amount,
        benefit=Benefit(None, 0),
        findings=(),
        score=None,
        rule=make_rule(flagged, amount),
        policy=DecisionPolicy(rule_approval_cap_cents=500_00),
    )
    assert decision.findings == (expected,)
    assert (decision.decided_by, decision.flagged) == ("rule", flagged is True)


@pytest.mark.parametrize(
    ("benefit", "expected"),
    [
        (
            Benefit(150_00, 90_00),
            Finding(
                "benefit_limit",
                Outcome.PARTIALLY_APPROVED,
                "The benefit remaining this year pays 60.00 of 100.00.",
                "plan limit",
            ),
        ),
        (
            Benefit(150_00, 0, 90_00),
            review(
                "benefit_reserved",
                "Whether this year's benefit covers the claim depends on claims that are still in review.",
                "plan limit",
            ),
        ),
    ],
)
def test_a_benefit_that_covers_only_a_part_is_stated_after_the_findings_of_the_claim(benefit, expected):
    earlier = Finding("noted", Outcome.APPROVED, "words", "table")
    decision = decide(
        amount_cents=100_00,
        benefit=benefit,
        findings=(earlier,),
        score=make_score(),
        rule=make_rule(False),
        policy=DecisionPolicy(rule_approval_cap_cents=0),
    )
    assert decision.findings == (earlier, expected)


# Late scores, inherited reviews, replacements


def late(probability, outcome, *, by_person=False, findings=()):
    return reconsider(
        outcome=outcome,
        approved_cents=0,
        reserved_cents=7,
        findings=findings,
        score=make_score(probability),
        decided_by_person=by_person,
    )


HELD_BY_RULE = Finding("rule_flagged", Outcome.IN_REVIEW, "words", "table")


@pytest.mark.parametrize(
    ("decision", "flagged", "expected"),
    [
        (
            late(0.1, Outcome.IN_REVIEW, findings=[HELD_BY_RULE]),
            False,
            Finding(
                "later_score_does_not_flag",
                Outcome.APPROVED,
                "Held because no score was available. The later score does not flag the claim; a reviewer can release "
                "it.",
                "models/v1",
            ),
        ),
        (
            late(0.9, Outcome.DENIED, by_person=True),
            True,
            review(
                "flagged_after_decision",
                "A score received after the reviewer's decision flags the claim. The decision holds unless reopened.",
                "models/v1",
            ),
        ),
        (
            late(0.1, Outcome.DENIED, by_person=True),
            False,
            Finding(
                "scored_after_decision",
                Outcome.APPROVED,
                "A score received after the reviewer's decision does not flag the claim. The decision holds.",
                "models/v1",
            ),
        ),
    ],
)
def test_a_late_score_is_described_in_a_note(decision, flagged, expected):
    assert decision.findings[-1] == expected
    assert (decision.flagged, decision.decided_by, decision.reserved_cents) == (flagged, "model", 7)


@pytest.mark.parametrize("outcome", [Outcome.APPROVED, Outcome.IN_REVIEW, Outcome.REJECTED])
@pytest.mark.parametrize("probability", [0.1, 0.9])
def test_the_decision_after_a_late_score_carries_the_flag_of_the_score(outcome, probability):
    decision = late(probability, outcome, findings=[HELD_BY_RULE])
    assert (decision.flagged, decision.decided_by) == (probability > 0.5, "model")
    assert decision.findings[0] == replace(HELD_BY_RULE, superseded=True)


FLAGGED = Finding("model_flagged", Outcome.IN_REVIEW, "Likely fraud.", "models/v1")
HELD = HeldClaim(
    claim_id="clm_0",
    status="in review",
    findings=(FLAGGED,),
    procedure_codes=frozenset({"P001"}),
    diagnosis_codes=frozenset({"D001"}),
    service_from=DAY,
    service_to=DAY,
    is_replacement=False,
    chain=("clm_0", "clm_first"),
)


@pytest.mark.parametrize(
    ("held", "text"),
    [
        (
            HELD,
            (
                "Claim clm_0, for the same service, is in review because of model_flagged: Likely fraud. "
                "Claims in this chain: clm_1, clm_0, clm_first."
            ),
        ),
        (
            replace(HELD, status="denied", findings=()),
            "Claim clm_0, for the same service, is denied. Claims in this chain: clm_1, clm_0, clm_first.",
        ),
    ],
)
def test_an_inherited_review_names_its_source_its_reason_and_the_chain(held, text):
    inherited = inherit(make_claim(), replaced=None, held=(held,), policy=SuspicionPolicy())
    assert inherited is not None
    assert inherited.finding == review("review_inherited", text, "claims/clm_0")
    assert inherited.source is held


def test_the_newest_held_claim_for_the_service_is_the_source_unless_one_is_replaced():
    other = replace(HELD, claim_id="clm_other", procedure_codes=frozenset(), diagnosis_codes=frozenset())
    older = replace(HELD, claim_id="clm_older")
    found = inherit(make_claim(), replaced=None, held=(other, HELD, older), policy=SuspicionPolicy())
    assert found is not None
    assert found.source is HELD
    found = inherit(make_claim(), replaced=other, held=(HELD,), policy=SuspicionPolicy())
    assert found is not None
    assert found.source is other
    assert inherit(make_claim(), replaced=None, held=(other,), policy=SuspicionPolicy()) is None


@pytest.mark.parametrize("direction", [-1, 1])
@pytest.mark.parametrize(("days", "inherits"), [(7, True), (8, False)])
def test_a_held_service_a_week_before_or_after_may_be_the_same_service(direction, days, inherits):
    day = DAY + direction * timedelta(days=days)
    held = replace(HELD, service_from=day, service_to=day)
    found = inherit(make_claim(), replaced=None, held=(held,), policy=SuspicionPolicy())
    assert (found is not None) is inherits


def test_a_finding_that_does_not_ask_for_a_review_is_not_the_reason_of_one():
    noted = Finding("scored_after_decision", Outcome.APPROVED, "words", "table")
    assert replace(HELD, findings=(noted,)).own_reason is None
    assert replace(HELD, findings=(noted, FLAGGED)).own_reason is FLAGGED


def test_a_claim_replaced_often_is_reviewed_with_the_number_and_the_first_claim():
    assert replaced_often(3, ("clm_3", "clm_2", "clm_first"), SuspicionPolicy()) == (
        review(
            "replaced_often",
            "This is replacement 3 of claim clm_first; claims with more than 2 are reviewed.",
            "claims/clm_first",
        ),
    )


def test_the_replacement_of_a_reviewed_claim_names_it():
    assert replaces_reviewed_claim("clm_0") == review(
        "replaces_reviewed_claim",
        "Replaces claim clm_0, which was reviewed by a person; the replacement is reviewed as well.",
        "claims/clm_0 decisions",
    )
