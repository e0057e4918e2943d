"""The explanation page of a claim, without a browser."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from api.console.explanation_page import AssessmentView, ClaimView, explanation_page
from claims.outcome import Finding, Outcome
from claims.scoring import (
    Counterfactual,
    ExplanationDetails,
    GroupPush,
    PairEffect,
    PeerComparison,
    PeerPush,
    ProbabilityInterval,
    Reason,
)

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


def a_reason(
    code: str,
    text: str,
    push: float,
    features: dict[str, float | None],
    *,
    kind: Literal["evidence", "prior"] = "evidence",
) -> Reason:
    return Reason(
        code=code,
        kind=kind,
        text=text,
        direction="for" if push > 0 else "against",
        push=push,
        odds=round(math.exp(push), 2),
        features=features,
        carrier=list(features),
        carrier_share=1.0,
    )


def test_a_claim_in_review_names_how_many_edits_hold_it() -> None:
    findings = (
        Finding("price_implausible", Outcome.IN_REVIEW, "Too high.", "reference_statistics/P001"),
        Finding("model_flagged", Outcome.IN_REVIEW, "Flagged.", "model/1", superseded=True),
    )
    held = explanation_page(a_claim(findings=findings), [an_assessment()])
    assert (held.held_by, held.scored_by) == (1, "model")
    assert explanation_page(a_claim(findings=findings, status="approved"), [an_assessment()]).held_by == 0


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
        typical_margin=-2.5,
        groups=(
            GroupPush(
                code="price_against_peers",
                push=3.25,
                features={"amount_to_procedure_mean": 3.3, "amount_to_own_mean": -0.05},
            ),
            GroupPush(code="member_pattern", push=0.75, features={"member_claims_30d": 0.75}),
        ),
        reasons=(
            a_reason("price_against_peers", "Amount 4.2×", 3.25, {"amount_to_procedure_mean": 4.2}),
            a_reason("timing", "Usual day", -0.25, {}),
            a_reason("member_record", "1 claim recorded as fraud", 0.5, {"member_confirmed_ever": 1.0}, kind="prior"),
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
        typical_margin=None,
        groups=(),
        contributions={},
        vector={},
        reasons=(),
        counterfactual=None,
        feature_times={},
    )


def test_a_score_has_a_bar_for_each_group_between_the_typical_claim_and_this_claim() -> None:
    picture = explanation_page(a_claim(), [an_assessment()]).waterfall
    assert picture is not None
    assert [placed.bar.label for placed in picture.bars] == [
        "Typical claim",
        "Price against peers",
        "The member's pattern",
        "This claim",
    ]


def test_a_group_expands_to_the_features_that_it_sums() -> None:
    prices, pattern = explanation_page(a_claim(), [an_assessment()]).groups
    assert (prices.title, prices.kind, prices.push) == ("Price against peers", "evidence", "+3.2500")
    assert [(row.name, row.value, row.push) for row in prices.features] == [
        ("amount_to_procedure_mean", "4.2", "+3.3000"),
        ("amount_to_own_mean", "missing", "-0.0500"),
    ]
    assert pattern.kind == "prior"


def test_an_assessment_from_before_groups_has_its_contributions_and_no_picture() -> None:
    page = explanation_page(a_claim(), [an_assessment(groups=(), typical_margin=None)])
    assert (page.waterfall, page.groups) == (None, [])
    assert len(page.contributions) == 3


def test_evidence_and_priors_are_separate_with_reasons_for_and_against_and_their_values() -> None:
    page = explanation_page(a_claim(), [an_assessment()])
    assert [
        (row.title, row.text, [(one.name, one.value, one.counts) for one in row.behind])
        for row in page.evidence.for_fraud
    ] == [("Price against peers", "Amount 4.2×", [("amount_to_procedure_mean", "4.2", False)])]
    assert [row.code for row in page.evidence.against_fraud] == ["timing"]
    assert [row.code for row in page.priors.for_fraud] == ["member_record"]
    assert page.priors.against_fraud == []


def test_the_page_of_a_claim_decided_by_the_rule_states_it_and_shows_no_score() -> None:
    page = explanation_page(a_claim(), [by_the_rule()])
    assert page.by_rule
    assert page.probability is None
    assert page.waterfall is None
    assert any("Decided by the rule" in notice for notice in page.notices)


def test_a_second_assessment_records_what_changed() -> None:
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
    assert today.state == "no data yet"


def test_the_page_of_a_voided_claim_states_when_it_was_voided() -> None:
    page = explanation_page(a_claim(voided_at=NOON), [an_assessment()])
    assert "Voided on 2026-03-02 12:00 UTC." in page.notices


def test_the_page_shows_the_rules_verdict_and_the_chain_of_claims() -> None:
    page = explanation_page(a_claim(chain=("clm_2", "clm_1")), [an_assessment(rule_text="50.00 is at most 2 times …")])
    assert ("2× rule", "50.00 is at most 2 times …") in page.facts
    assert ("Chain of claims, newest first", "clm_2, clm_1") in page.facts
    alone = explanation_page(a_claim(chain=("clm_1",)), [an_assessment()])
    assert not any(name.startswith("Chain") for name, _ in alone.facts)


def test_the_page_shows_the_attributes_of_the_claim_by_name() -> None:
    values = {"vehicle_age": 7.0, "police_report": False, "make": "<b>saab</b>", "colour": None, "distance": 0.1}
    page = explanation_page(a_claim(attributes=values), [an_assessment()])
    assert page.attributes == [
        *(("colour", "no value"), ("distance", "0.1"), ("make", "<b>saab</b>"), ("police_report", "no")),
        ("vehicle_age", "7"),
    ]
    assert explanation_page(a_claim(), [an_assessment()]).attributes == []


def test_the_page_states_why_the_rule_decided() -> None:
    unknown = replace(by_the_rule(), score_failure="too_little_known")
    assert "too few features were available to the model" in explanation_page(a_claim(), [unknown]).notices[0]
    assert "no score arrived in time" in explanation_page(a_claim(), [by_the_rule()]).notices[0]
    refused = replace(by_the_rule(), score_failure="http_422")
    (notice,) = explanation_page(a_claim(), [refused]).notices
    assert "the model refused its values" in notice
    assert notice.endswith("; it cannot be scored as it is.")


def details(**other: object) -> ExplanationDetails:
    groups = [
        PeerPush(code="claim_size", push=0.7, odds=2.01, text="Size of the claim: 12 units", features={"units": 0.7}),
        PeerPush(code="timing", push=-0.2, odds=0.82, text="Timing: a usual day", features={"weekend": -0.2}),
        PeerPush(code="network", push=0.01, odds=1.01, text="Network: no other provider", features={"network": 0.01}),
    ]
    pair = PairEffect(features=("units", "weekend"), push=0.2, odds=1.22, text="12 units, together with a Sunday")
    peers = PeerComparison(specialty="cardiology", claims=1_512, margin=-3.0, groups=groups)
    return ExplanationDetails(model_version="7", interaction=pair, peers=peers).model_copy(update=other)


def test_the_page_states_the_strongest_interaction_and_what_differs_from_honest_peers() -> None:
    page = explanation_page(a_claim(), [an_assessment()], details())
    assert page.interaction == "12 units, together with a Sunday"
    assert page.peers is not None
    assert page.peers.summary.startswith("1,512 honest claims of cardiology")
    assert [(line.side, line.odds) for line in page.peers.lines] == [("for", "2.01"), ("against", "0.82")]


def test_the_page_states_how_certain_the_probability_is() -> None:
    certainty = ProbabilityInterval(low=0.0312, high=0.178, level=0.9)
    page = explanation_page(a_claim(), [an_assessment()], details(probability_interval=certainty))
    assert page.interval_text == "90 % interval 3.1 % to 17.8 %"


def test_a_page_without_details_shows_none() -> None:
    for found in (None, details(interaction=None, peers=None)):
        page = explanation_page(a_claim(), [an_assessment()], found)
        assert (page.interval_text, page.interaction, page.peers) == (None, None, None)
