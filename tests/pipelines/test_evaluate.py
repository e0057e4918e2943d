"""Evaluation: metrics that can be checked by hand, and false positives by group."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from core.clock import DAY_US
from core.format import number, percent
from models.calibration import BetaCalibrator
from models.evaluation import Interval
from pipelines.evaluate import (
    AMOUNT,
    MODEL,
    RECOVERY,
    RULE,
    EvaluatedModel,
    EvaluationSet,
    EvaluationSettings,
    RankingDollars,
    evaluate_claims,
    false_positives_by_group,
    learned_baselines,
    render,
    simple_baselines,
    summary,
)
from pipelines.evaluate.evaluation import interval_json
from pipelines.formatting import rounded

SETTINGS = EvaluationSettings(threshold=0.5, reviews_a_week=70, claims_a_day=100, replicates=30)


def evaluation_set(rows: int = 1000, *, noise: float = 0.0, weights: np.ndarray | None = None) -> EvaluationSet:
    """One claim in ten is fraud; the model ranks it with `noise`, the rule flags every fifth claim regardless."""
    rng = np.random.default_rng(1)
    number = np.arange(rows)
    fraud = number % 10 == 0
    made = EvaluationSet(
        fraud=fraud,
        kind=np.where(fraud, np.where(number % 20 == 0, "upcoding", "duplicates"), None).astype(object),
        amounts_cents=np.full(rows, 10_000),
        providers=np.array([f"H{n % 25}" for n in number], dtype=object),
        unseen=number % 25 == 3,
        rule=number % 5 == 0,
        groups={"region": np.where(number % 3 == 0, "North", "South").astype(object)},
        received_us=number.astype(np.int64) * DAY_US // 100,
        weights=weights,
    )
    score = np.where(fraud, 0.9, 0.1) + rng.normal(scale=noise, size=rows) if noise else np.where(fraud, 0.9, 0.1)
    made.scores[MODEL] = score
    made.probabilities[MODEL] = np.clip(score, 0, 1)
    made.scores.update(simple_baselines(made))
    return made


def test_a_perfect_model_has_perfect_metrics_and_the_rule_has_lower_ones():
    found = evaluate_claims(evaluation_set(), SETTINGS)
    assert found.base_rate == pytest.approx(0.1)
    assert interval_json(found.model.ap) == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert found.model.auc.value == 1.0
    assert found.rankings[RULE].auc.value == pytest.approx(0.9444, abs=1e-3)
    assert found.rankings[AMOUNT].ap.value == pytest.approx(0.1)
    assert found.ap_lead[AMOUNT].low > 0.8


def test_k_is_the_weekly_capacity_as_a_share_of_all_claims():
    found = evaluate_claims(evaluation_set(), SETTINGS)
    assert found.reviews.in_window == pytest.approx(100)  # 70 of 700 a week is a tenth
    assert found.model.precision_at_k.value == 1.0
    assert found.model.recall_at_k == 1.0


def test_alerts_at_the_threshold_are_scaled_to_all_claims():
    found = evaluate_claims(evaluation_set(), SETTINGS).threshold
    assert found.alerts_a_day == pytest.approx(10)
    assert (found.precision, found.recall, found.false_positive_rate) == (1.0, 1.0, 0.0)


def test_the_dollars_are_compared_at_the_number_of_reviews_of_the_rule():
    found = evaluate_claims(evaluation_set(), SETTINGS).rule
    assert found.reviews == 200
    assert found.rule_cents == found.model_cents == 1_000_000
    assert found.ratio.value == 1.0


def test_each_kind_has_its_recall_and_that_of_the_rule():
    found = evaluate_claims(evaluation_set(), SETTINGS).kinds
    assert found["upcoding"].claims == found["duplicates"].claims == 50
    assert found["upcoding"].recall_at_threshold == 1.0
    assert found["upcoding"].recall_rule == 1.0


def test_recall_of_a_kind_alerts_and_calibration_have_intervals_that_hold_the_value():
    found = evaluate_claims(evaluation_set(noise=0.4), SETTINGS)
    kind, at, error = found.kinds["upcoding"], found.threshold, found.model.calibration_error
    assert 0 < kind.recall_at_k_low < kind.recall_at_k < kind.recall_at_k_high < 1
    assert at.alerts_a_day_low < at.alerts_a_day < at.alerts_a_day_high
    assert 0 < error.low < error.high


def test_the_auc_the_dollars_ratio_and_unseen_providers_have_intervals_that_hold_the_value():
    claims = evaluation_set(noise=0.4)
    claims = replace(claims, unseen=np.arange(1000) % 25 < 8, amounts_cents=np.arange(1000) * 37 % 9_000 + 100)
    found = evaluate_claims(claims, SETTINGS)
    for interval in (found.model.auc, found.rankings[RULE].auc, found.rule.ratio, found.unseen_providers.ap):
        assert interval.low < interval.value < interval.high


def test_a_rule_that_finds_nothing_has_an_infinite_ratio_and_no_unseen_fraud_has_none():
    claims = replace(evaluation_set(noise=0.1), rule=np.arange(1000) % 10 == 1, unseen=np.arange(1000) % 10 == 1)
    claims.scores[RULE] = claims.rule.astype(float)
    found = evaluate_claims(claims, SETTINGS)
    assert found.rule.ratio.value == found.rule.ratio.high == math.inf
    assert math.isnan(found.unseen_providers.ap.value)
    assert json.loads(json.dumps(found.as_json(), allow_nan=False))["rule"]["ratio"]["value"] is None


def test_the_page_and_the_summary_state_the_intervals():
    made = evaluated()
    page, text = render(made), summary(made)
    auc, ratio = made.metrics.model.auc, made.metrics.rule.ratio
    assert f"{number(auc.value)}<br><small>{number(auc.low)} to {number(auc.high)}</small>" in page
    assert f"AUC {number(auc.value)} ({number(auc.low)} to {number(auc.high)})" in text
    assert f"{number(ratio.value)} ({number(ratio.low)} to {number(ratio.high)}) times as much" in page


def test_where_the_rule_finds_nothing_page_and_summary_state_no_ratio():
    made = evaluated()
    rule = replace(made.metrics.rule, rule_cents=0.0, ratio=Interval(math.inf, math.inf, math.inf, 0.95))
    without = replace(made, metrics=replace(made.metrics, rule=rule))
    assert "times as much" not in render(without)
    assert "2× rule" not in summary(without)


def test_each_rival_has_its_recall_of_a_kind_in_as_many_reviews():
    """The rule flags 200 claims, 100 of them fraud, and capacity is half of them; the amount is uninformative."""
    found = evaluate_claims(evaluation_set(), SETTINGS).kinds["upcoding"]
    assert found.recall_at_k_of == pytest.approx({RULE: 0.5, AMOUNT: 0.1})


def test_claims_of_unseen_providers_are_measured_separately():
    found = evaluate_claims(evaluation_set(), SETTINGS).unseen_providers
    assert found.claims == 40
    assert found.providers == 1


def test_a_claim_counts_by_its_weight():
    weights = np.ones(1000)
    weights[np.arange(1000) % 10 == 0] = 3.0
    assert evaluate_claims(evaluation_set(weights=weights), SETTINGS).base_rate == pytest.approx(0.25)


def test_a_group_that_is_flagged_more_often_has_a_higher_rate():
    claims = evaluation_set()
    flagged = (claims.groups["region"] == "North") & (np.arange(1000) % 2 == 0)
    rows = {row.value: row for row in false_positives_by_group(claims, flagged, replicates=30)}
    assert rows["South"].false_positive_rate == 0.0
    assert rows["North"].low > 0.2
    assert rows["North"].times_overall > 2


def test_groups_with_too_few_claims_are_left_out():
    claims = evaluation_set(100)
    assert [row.value for row in false_positives_by_group(claims, claims.rule, replicates=10)] == ["South"]


def test_the_learned_baselines_rank_a_signal_above_chance_and_accept_missing_values():
    rng = np.random.default_rng(0)
    fraud = rng.random(2000) < 0.2
    x = rng.normal(size=(2000, 4)).astype(np.float32)
    x[:, 0] += 2 * fraud
    x[rng.random(x.shape) < 0.1] = np.nan
    scores = learned_baselines(x[:1500], fraud[:1500], x[1500:])
    for name, score in scores.items():
        assert np.isfinite(score).all(), name
    regression = scores["logistic regression"]
    assert regression[fraud[1500:]].mean() > regression[~fraud[1500:]].mean() + 0.5


def test_the_learned_baselines_learn_with_the_weights_of_the_claims():
    """A withdrawn label, of weight 0, is not learned from."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1200, 3)).astype(np.float32)
    signal, withdrawn = x[:1000, 0], np.arange(1000) % 3 > 0
    labels = np.where(withdrawn, signal < -0.5, signal > 0.5)  # two thirds of them are wrong
    weights = np.where(withdrawn, 0.0, 1.0)
    weighted, plain = (
        learned_baselines(x[:1000], labels, x[1000:], weights=one)["logistic regression"] for one in (weights, None)
    )
    assert np.corrcoef(weighted, x[1000:, 0])[0, 1] > 0.9
    assert np.corrcoef(plain, x[1000:, 0])[0, 1] < 0


def evaluated(**changes) -> EvaluatedModel:
    metrics = evaluate_claims(evaluation_set(noise=0.2), SETTINGS)
    return EvaluatedModel(
        dataset="<b>x</b>",
        model="m",
        champion=None,
        split="in time",
        family="xgboost, 3 trees",
        shadow_only=False,
        metrics=replace(metrics, **changes),
    )


def test_rankings_by_money_are_on_the_page_and_in_json_only_where_they_were_compared():
    plain = evaluated()
    assert "by_money" not in plain.as_json()
    assert "Ranked by money" not in render(plain)
    lead = Interval(0.125, 0.05, 0.25, 0.95)
    rankings = {RECOVERY: RankingDollars(0.5, 0.25, None), "amount": RankingDollars(0.375, 0.1, lead)}
    compared = replace(plain, by_money={"k": rankings, "0.01": rankings})
    page = render(compared)
    assert "Dollars at K" in page
    assert "Dollars at 1 %" in page
    assert compared.as_json()["by_money"]["k"] == {
        RECOVERY: {"dollars": 0.5, "precision": 0.25},
        "amount": {"dollars": 0.375, "precision": 0.1, "lead": {"value": 0.125, "low": 0.05, "high": 0.25}},
    }


def test_the_calibration_of_the_page_says_how_certain_the_models_own_is():
    assert "calibration_intervals" not in evaluated().as_json()
    calibrator = BetaCalibrator(0.9, 1.1, -0.2, (0.04, 0.01, 0.02, 0.05, -0.03, 0.06), 25)
    stated = replace(evaluated(), calibrator=calibrator)
    page = render(stated)
    assert "90 % interval" in page
    assert "rests on 25 frauds" in page
    intervals = stated.certainty()
    assert intervals is not None
    for (low, high), part in zip(intervals, stated.metrics.calibration, strict=True):
        assert 0 < low < high < 1
        assert low < part.expected < high or part.expected in (0, 1)
        assert f"{percent(low)} to {percent(high)}" in page
    assert len(stated.as_json()["calibration_intervals"]) == len(intervals)


def test_the_page_shows_an_undefined_value_as_a_dash_and_escapes_text():
    unseen = evaluate_claims(evaluation_set(noise=0.2), SETTINGS).unseen_providers
    page = render(evaluated(unseen_providers=replace(unseen, ap=Interval(math.nan, math.nan, math.nan, 0.95))))
    assert "&lt;b&gt;x&lt;/b&gt;" in page
    assert "average precision –" in page
    assert "upcoding" in page


def test_the_json_form_has_every_metric_under_its_key():
    found = evaluated().as_json()
    assert list(found) == [
        "dataset", "model", "champion", "split", "family", "shadow_only", "claims", "frauds", "base_rate",
        "window", "reviews", "rankings", "difference", "rule", "threshold", "kinds", "calibration",
        "unseen_providers", "abrasion",
    ]  # fmt: skip
    assert set(found["window"]) == {"from", "until", "days"}
    assert set(found["rankings"][MODEL]) == {
        "ap", "auc", "precision_at_k", "recall_at_k", "dollars_at_k", "cents_at_k", "precision_at_1_percent",
        "dollars_at_1_percent", "brier", "calibration_error",
    }  # fmt: skip
    assert set(found["rankings"][RULE]) == set(found["rankings"][MODEL]) - {"brier", "calibration_error"}
    assert set(found["difference"][RULE]["ap"]) == {"value", "low", "high"}
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_the_flat_metrics_are_finite_numbers_of_every_model():
    found = evaluated().metrics.flat_metrics()
    assert {"ap", "ap.low", "ap.high", "auc", "auc.low", "auc.high", "brier", "2x_rule.ap", "threshold.recall",
            "kind.upcoding.recall_at_k", "dollars_times_rule", "dollars_times_rule.low"} <= set(found)  # fmt: skip
    assert np.isfinite(list(found.values())).all()


def test_values_in_json_are_finite():
    assert rounded({"a": float("nan"), "b": [float("inf"), 1.23456789]}) == {"a": None, "b": [None, 1.23457]}
