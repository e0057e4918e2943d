"""What the explanation page says of a claim, without a browser."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.console.page import SHOWN_STEPS, AssessmentView, ClaimView, explanation_page
from claims.scoring import Counterfactual, Reason

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def a_claim(**other: object) -> ClaimView:
    claim = ClaimView(
        claim_id="clm_1",
        status="in_review",
        amount_cents=500_000,
        approved_cents=None,
        member_id="M1",
        provider_id="H1",
        procedure_code="P001",
        diagnosis_code="D001",
        region="Coast",
        specialty=None,
        service_from="2026-03-01",
        received_at=NOON,
        voided_at=None,
        findings=(),
    )
    return replace(claim, **other)  # type: ignore[arg-type]


def an_assessment(**other: object) -> AssessmentView:
    assessment = AssessmentView(
        made_at=NOON,
        decided_by="model",
        breaker_state="closed",
        flagged=True,
        outcome="in_review",
        model_version="7",
        probability=0.83,
        threshold=0.4,
        margin=1.5,
        base_margin=-2.0,
        contributions={"amount_to_procedure_mean": 3.0, "member_claims_30d": 0.75, "weekend": -0.25},
        vector={"amount_to_procedure_mean": 4.2, "member_claims_30d": 3.0, "weekend": None},
        reasons=(
            Reason(code="amount", text="Amount 4.2×", direction="for", push=3.0, odds=20.09, features={"amount": 4.2}),
            Reason(code="habit", text="Usual day", direction="against", push=-0.25, odds=0.78, features={}),
        ),
        counterfactual=Counterfactual(amount_cents=6100, probability=0.39, text="below the threshold at 61.00"),
        feature_times={"member_history": NOON - timedelta(hours=12), "member_today": None},
        stale_views=(),
        explained_by="tables",
    )
    return replace(assessment, **other)  # type: ignore[arg-type]


def by_the_rule() -> AssessmentView:
    return an_assessment(
        decided_by="rule",
        breaker_state="open",
        model_version=None,
        probability=None,
        threshold=None,
        margin=None,
        base_margin=None,
        contributions={},
        vector={},
        reasons=(),
        counterfactual=None,
        feature_times={},
    )


def test_the_waterfall_runs_from_the_base_to_the_margin_without_a_gap() -> None:
    bars = explanation_page(a_claim(), [an_assessment()]).waterfall
    assert [bar["label"] for bar in bars] == [
        "Base of the model",
        "amount_to_procedure_mean",
        "member_claims_30d",
        "weekend",
        "This claim",
    ]
    for before, after in pairwise(bars):
        assert before["to"] == pytest.approx(after["from"])


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=80))
def test_however_many_contributions_the_drawn_bars_add_up_to_the_margin(pushes: list[float]) -> None:
    contributions = {f"feature_{place}": push for place, push in enumerate(pushes)}
    assessment = an_assessment(contributions=contributions, vector={}, margin=-2.0 + sum(pushes))
    bars = explanation_page(a_claim(), [assessment]).waterfall
    assert len(bars) <= SHOWN_STEPS + 3
    assert bars[-2]["to"] == pytest.approx(bars[-1]["to"], abs=1e-9)


def test_reasons_for_and_against_stand_apart_with_the_values_behind_them() -> None:
    page = explanation_page(a_claim(), [an_assessment()])
    assert [(row.text, row.odds, row.behind) for row in page.reasons_for] == [("Amount 4.2×", "20.09", "amount = 4.2")]
    assert [row.code for row in page.reasons_against] == ["habit"]


def test_a_claim_decided_by_the_rule_says_so_and_shows_no_score() -> None:
    page = explanation_page(a_claim(), [by_the_rule()])
    assert page.by_rule
    assert page.probability is None
    assert page.waterfall == []
    assert any("Decided by the rule" in notice for notice in page.notices)


def test_a_second_assessment_says_what_changed() -> None:
    page = explanation_page(a_claim(), [by_the_rule(), an_assessment()])
    newest, first = page.assessments
    assert first.changed == "first assessment"
    assert newest.changed == "decided by: rule → model; model: none → 7; score: – → 83.0 %"


def test_stale_views_are_named_in_a_notice_and_marked_in_the_table() -> None:
    page = explanation_page(a_claim(), [an_assessment(stale_views=("member_today",))])
    assert any("member_today" in notice for notice in page.notices)
    assert [(row.view, row.stale) for row in page.feature_ages] == [("member_history", False), ("member_today", True)]


def test_the_age_of_a_view_is_counted_up_to_the_receipt_of_the_claim() -> None:
    history, today = explanation_page(a_claim(), [an_assessment()]).feature_ages
    assert history.age == "12 h"
    assert today.state == "nothing known of it yet"


def test_a_voided_claim_says_when() -> None:
    page = explanation_page(a_claim(voided_at=NOON), [an_assessment()])
    assert "Voided on 2026-03-02 12:00 UTC." in page.notices


def test_the_page_shows_the_rules_verdict_and_the_chain_of_claims() -> None:
    page = explanation_page(a_claim(chain=("clm_2", "clm_1")), [an_assessment(rule_text="50.00 is at most 2 times …")])
    assert ("2× rule", "50.00 is at most 2 times …") in page.facts
    assert ("Chain of claims, newest first", "clm_2, clm_1") in page.facts
    alone = explanation_page(a_claim(chain=("clm_1",)), [an_assessment()])
    assert not any(name.startswith("Chain") for name, _ in alone.facts)


def test_the_page_says_why_the_rule_decided() -> None:
    unknown = replace(by_the_rule(), score_failure="too_little_known")
    assert "too little was known to the model" in explanation_page(a_claim(), [unknown]).notices[0]
    assert "no score came in time" in explanation_page(a_claim(), [by_the_rule()]).notices[0]
