"""The decision on perturbed claims: what is paid without review, its gates, the backtest of the policy."""

import json
from dataclasses import replace
from datetime import timedelta
from functools import cache

import numpy as np
import pyarrow as pa
import pytest

from benchmarks.behaviour import InsurerResult, as_json, figures, table
from benchmarks.behaviour import scores as benchmark_scores
from claims.plausibility import PlausibilityPolicy
from claims.rule import check_twice_average
from core import clock
from core.settings import settings
from features.vector import build_one
from models.scorer import Scorer
from models.training_range import TrainingRange
from pipelines.behaviour import (
    AMOUNT_FACTORS,
    CASES,
    UNKNOWN_CODE,
    Behaviour,
    InsurerPolicies,
    Perturbation,
    PerturbationKind,
    SourceCatalogue,
    Submission,
    backtest,
    decide_one,
    held_out,
    largest_falls,
    measure_behaviour,
    read_submissions,
    run_backtest,
)
from pipelines.datasets import SIMULATED
from pipelines.evaluate import Window, latest, newest_window
from pipelines.promote import GateName, measuring
from pipelines.promote.gates import GateOutcome, check_gates
from tests.pipelines.model_life import trained_home

BLIND = PlausibilityPolicy(
    provider=replace(PlausibilityPolicy().provider, floor_factor=1e9, ceiling_factor=1e9),
    region=replace(PlausibilityPolicy().region, floor_factor=1e9, ceiling_factor=1e9),
    procedure=replace(PlausibilityPolicy().procedure, floor_factor=1e9, ceiling_factor=1e9),
    peer_factor=1e9,
    established_band=1e9,
    established_peer_factor=1e9,
    units_factor=1e9,
    auto_approval_cap_cents=10**15,
)
"""A policy that finds nothing implausible."""


@cache
def window() -> Window:
    home = trained_home()
    return newest_window(home, latest(home, SIMULATED))


@cache
def scorer() -> Scorer:
    return Scorer(latest(trained_home(), SIMULATED))


@cache
def claims() -> tuple[tuple[Submission, ...], SourceCatalogue]:
    return held_out(window(), maximum=30)


@cache
def live_behaviour() -> Behaviour:
    return measure_behaviour(scorer(), *claims())


def policies(**changes: object) -> InsurerPolicies:
    return replace(InsurerPolicies.of(settings()), **changes)  # type: ignore[arg-type]


def test_a_claim_read_back_has_the_vector_it_was_trained_with() -> None:
    examples, rows = window().examples, window().rows[:25]
    found = read_submissions(window().source, examples.claims.take(pa.array(rows)), examples.fraud[rows])
    assert found.not_submittable == 0
    built = np.stack([build_one(one.facts, one.reading.states) for one in found.claims])
    assert np.array_equal(built, examples.full[rows], equal_nan=True)
    for one in found.claims:
        assert one.claim.amount_cents == one.facts.amount_cents
        assert one.claim.units == one.facts.units


def test_held_out_claims_are_clean_late_and_reproducible() -> None:
    taken, catalogue = claims()
    assert not any(one.fraud for one in taken)
    assert min(one.claim.received_at for one in taken).date() >= catalogue.as_of
    assert [one.claim.claim_id for one in held_out(window(), maximum=30)[0]] == [one.claim.claim_id for one in taken]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_perturbation_changes_only_its_own_fields(case: Perturbation) -> None:
    for one in claims()[0][:10]:
        made = case.of(one)
        assert made is not None
        amount = case.factor if case.kind is PerturbationKind.AMOUNT else 1
        units = case.factor if case.kind is PerturbationKind.UNITS else 1
        assert made.claim.amount_cents == one.claim.amount_cents * amount == made.facts.amount_cents
        assert made.claim.units == one.claim.units * units == made.facts.units
        assert (made.facts.procedure_code == UNKNOWN_CODE) is (case.kind is PerturbationKind.UNKNOWN_CODES)
        assert (made.reading == one.reading) is (
            case.kind not in (PerturbationKind.UNKNOWN_CODES, PerturbationKind.NO_HISTORY)
        )


def test_a_claim_too_large_to_submit_is_left_out() -> None:
    assert Perturbation(PerturbationKind.AMOUNT, 10**15).of(claims()[0][0]) is None


def test_no_more_is_paid_without_review_than_by_the_rule_alone_and_nothing_at_ten_times_the_amount() -> None:
    behaviour = live_behaviour()
    for factor in AMOUNT_FACTORS:
        result = behaviour.of(PerturbationKind.AMOUNT, factor)
        assert result is not None
        assert result.paid_unseen <= result.paid_unseen_rule_alone
        if factor >= 10:
            assert (result.paid_unseen, result.implausible_paid) == (0, 0)
            assert result.implausible > 0
    duplicate, nothing = behaviour.of(PerturbationKind.DUPLICATE), behaviour.of(PerturbationKind.NO_HISTORY)
    assert duplicate is not None
    assert duplicate.paid_unseen == 0
    assert nothing is not None
    assert nothing.paid_unseen <= nothing.paid_unseen_rule_alone
    unchanged = behaviour.of(PerturbationKind.UNCHANGED)
    assert unchanged is not None
    assert unchanged.paid_unseen > 0.7 * unchanged.claims, "the edits do not flood"


def test_the_rule_arm_is_the_2x_rule() -> None:
    taken, catalogue = claims()
    raised = [made for one in taken if (made := Perturbation(PerturbationKind.AMOUNT, 5).of(one))]
    for one in raised:
        decided = decide_one(one, None, catalogue, policies=policies())
        principal = one.claim.principal
        rule = check_twice_average(one.claim.amount_cents, principal, catalogue.procedure(principal.procedure_code))
        assert decided.paid_by_rule is (rule.flagged is False)


def test_the_gates_pass_the_policy_and_refuse_one_without_plausibility_with_case_and_margin() -> None:
    taken, catalogue = claims()
    falls = largest_falls(scorer(), taken[:10])
    live = measuring.of_behaviour(live_behaviour(), falls)
    blind = measuring.of_behaviour(
        measure_behaviour(
            # A model that flags nothing and whose training range covers everything, so only the policy could refuse.
            Scorer(silent(scorer())),
            taken,
            catalogue,
            policies=policies(plausibility=BLIND),
        ),
        falls,
    )
    mine = {
        GateName.PAYMENTS_WITHIN_RULE,
        GateName.IMPLAUSIBLE_PRICES,
        GateName.DUPLICATE_PAYMENTS,
        GateName.MONOTONIC_CONSTRAINTS,
    }
    assert {verdict.outcome for verdict in check_gates(live) if verdict.gate in mine} == {GateOutcome.PASSED}
    refused = {verdict.gate: verdict.detail for verdict in check_gates(blind) if not verdict.passed}
    assert {GateName.PAYMENTS_WITHIN_RULE, GateName.IMPLAUSIBLE_PRICES} <= refused.keys()
    assert "paid_over_rule_amount_x1000 is" in refused[GateName.PAYMENTS_WITHIN_RULE]
    assert "must be at most 0 (off by" in refused[GateName.PAYMENTS_WITHIN_RULE]


def silent(of: Scorer):  # type: ignore[no-untyped-def]
    count = len(of.artefact.features)
    low, high = (-1e30,) * count, (1e30,) * count
    everything = TrainingRange(low=low, high=high, tail_low=low, tail_high=high, tail_limit=count, claims=1)
    document = of.artefact.document.model_copy(update={"threshold": 1.0, "training_range": everything})
    return replace(of.artefact, document=document)


def test_a_window_without_claims_measures_nothing_and_is_refused() -> None:
    _, catalogue = claims()
    empty = measuring.of_behaviour(measure_behaviour(scorer(), [], catalogue), largest_falls(scorer(), []))
    assert empty == {}
    mine = {GateName.PAYMENTS_WITHIN_RULE, GateName.IMPLAUSIBLE_PRICES, GateName.DUPLICATE_PAYMENTS}
    refused = {verdict.gate for verdict in check_gates(empty) if verdict.outcome is GateOutcome.REFUSED}
    assert mine | {GateName.MONOTONIC_CONSTRAINTS} <= refused


def test_a_model_without_a_number_as_score_is_refused_by_the_constraints() -> None:
    class NotANumber(Scorer):
        def margins(self, rows):  # type: ignore[no-untyped-def]
            return super().margins(rows) * np.nan

    taken, catalogue = claims()
    falls = largest_falls(NotANumber(scorer().artefact), taken[:3])
    assert np.isnan([falls.amount, falls.units, falls.confirmed]).all()
    measured = measuring.of_behaviour(measure_behaviour(scorer(), [], catalogue), falls)
    [verdict] = [one for one in check_gates(measured) if one.gate is GateName.MONOTONIC_CONSTRAINTS]
    assert verdict.outcome is GateOutcome.REFUSED
    assert "not a finite number" in verdict.detail


def test_raising_amount_units_and_confirmed_fraud_of_real_claims_never_lowers_the_risk() -> None:
    falls = largest_falls(scorer(), claims()[0][:25])
    assert (falls.amount, falls.units, falls.confirmed) == (0.0, 0.0, 0.0)


def test_a_model_that_violates_its_constraints_is_detected() -> None:
    class Contrary(Scorer):
        def margins(self, rows):  # type: ignore[no-untyped-def]
            return -super().margins(rows)

    falls = largest_falls(Contrary(scorer().artefact), claims()[0][:10])
    assert falls.amount > 0


def test_a_backtest_counts_each_finding_by_day_with_its_precision() -> None:
    examples, rows = window().examples, window().rows[:60]
    found = read_submissions(window().source, examples.claims.take(pa.array(rows)), examples.fraud[rows])
    done = backtest(window().source, found.claims, scorer=scorer(), policies=policies())
    assert (done.claims, done.frauds) == (len(found.claims), int(examples.fraud[rows].sum()))
    everything, without_model, *single = done.lines
    assert everything.alerts >= without_model.alerts
    assert all(everything.alerts >= line.alerts for line in single)
    days = (found.claims[-1].claim.received_at - found.claims[0].claim.received_at) / timedelta(days=1)
    for line in done.lines:
        assert line.alerts_a_day == pytest.approx(line.alerts / days)
        assert line.frauds <= line.alerts
        if line.precision is not None:
            assert line.precision_low is not None
            assert line.precision_high is not None
            assert line.precision_low <= line.precision <= line.precision_high
    strict = backtest(
        window().source,
        found.claims,
        scorer=scorer(),
        policies=policies(plausibility=replace(PlausibilityPolicy(), auto_approval_cap_cents=1)),
    )
    cap = next(line for line in strict.lines if line.finding == "above_auto_approval_cap")
    assert cap.alerts == len(found.claims)


def test_a_backtest_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no claims"):
        backtest(window().source, [])


def test_the_backtest_of_a_home_uses_its_model_and_leaves_out_its_training_claims() -> None:
    home = trained_home()
    done = run_backtest(home, dataset=SIMULATED, days=10_000, maximum=25)
    trained_until = latest(home, SIMULATED).document.provenance["test_from_us"]
    assert done.model == latest(home, SIMULATED).version
    assert done.claims == 25
    assert done.since >= clock.from_micros(trained_until).date()
    alone = run_backtest(home, dataset=SIMULATED, with_model=False, days=3, maximum=10)
    assert alone.model is None
    assert "model_flagged" not in {line.finding for line in alone.lines}


def test_the_benchmark_prints_the_documented_factors_and_reasons() -> None:
    taken, _ = claims()
    insurer = InsurerResult(
        "insurer 1", "v1", live_behaviour(), largest_falls(scorer(), taken[:2]), benchmark_scores(scorer(), taken)
    )
    measured = figures([insurer, insurer, insurer])
    found = json.loads(as_json(measured))
    assert list(found["factors"]) == ["2", "5", "10", "100", "1000"]
    assert all({"claims", "paid_unseen", "paid_unseen_rule_alone"} <= one.keys() for one in found["factors"].values())
    assert found["factors"]["10"]["claims"] == 3 * len(taken)
    assert found["insurers"] == 3
    assert {"claims", "contradicting", "stated_share_median", "carrier_share_min", "most_common_share"} <= found[
        "reasons"
    ].keys()
    assert len(table(measured)) == len(CASES)
