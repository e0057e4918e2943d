"""The measures of a candidate: what each one measures, and that unmeasured ones are absent."""

import math
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from models.artefact import MANIFEST, models_folder, sha256, write_artefact
from models.explain import build_tables
from models.families import XGBoostModel
from pipelines.behaviour import Behaviour, LogOddsFalls, Perturbation, PerturbationKind, PerturbationResult
from pipelines.evaluate import CHAMPION, LOGISTIC, MODEL, RULE, EvaluationSet, false_positives_by_group
from pipelines.gates import QUALITY_GATES
from pipelines.promote.gates import MIN_CLAIMS_OF_KIND
from pipelines.promote.measures import CHAMPION_MEASURES, Measure, Measured, NotApplicable, NotApplicableReason
from pipelines.promote.measuring import (
    IMPLAUSIBLE_PAID_CASES,
    PAID_OVER_RULE_CASES,
    RIVALS,
    against_champion,
    against_rivals,
    of_artefact,
    of_behaviour,
    of_latency,
    of_window,
    without_champion,
)
from tests.models import makers

# The artefact

NO_FINDINGS = {gate: {"critical": 0} for gate in QUALITY_GATES}


def artefact(home: Path, quality: object) -> tuple[Path, str]:
    booster = makers.booster()
    tables = build_tables(booster)
    document = makers.document(booster, tables).model_copy(update={"provenance": {"quality": quality}})
    return write_artefact(models_folder(home), model=XGBoostModel(booster), document=document, tables=tables)


@pytest.mark.parametrize(
    ("quality", "critical"),
    [
        (NO_FINDINGS, 0.0),
        ({gate: {"critical": n} for n, gate in enumerate(QUALITY_GATES, start=1)}, 6.0),
        ({**NO_FINDINGS, QUALITY_GATES[1]: {"critical": 2}}, 2.0),
        ({**NO_FINDINGS, "another": {"critical": 9}}, 0.0),
        ({gate: {"critical": 0} for gate in QUALITY_GATES[1:]}, None),
        ({**NO_FINDINGS, QUALITY_GATES[0]: {"criticals": 0}}, None),
        ({**NO_FINDINGS, QUALITY_GATES[0]: {"critical": "0"}}, None),
        ({**NO_FINDINGS, QUALITY_GATES[0]: 0}, None),
        ({}, None),
        (None, None),
        ("none", None),
    ],
)
def test_the_findings_of_the_quality_gates_are_stated_only_if_every_gate_states_its_own(tmp_path, quality, critical):
    expected = {Measure.ARTEFACT_VERIFIED: Measured(1.0)}
    if critical is not None:
        expected[Measure.CRITICAL_QUALITY_FINDINGS] = Measured(critical)
    assert of_artefact(*artefact(tmp_path, quality)) == expected


@pytest.mark.parametrize(
    ("leaks", "untrusted"),
    [
        ([], 0.0),
        ([{"subject": "own_state", "evidence": "its name", "trusted": "asked at receipt"}], 0.0),
        ([{"subject": "own_state", "evidence": "its name", "trusted": None}, {"subject": "a", "trusted": "x"}], 1.0),
        ([{"subject": "own_state", "evidence": "its name", "trusted": ""}, "?"], 2.0),
        (None, None),
        ({}, None),
    ],
)
def test_signs_of_leaks_count_unless_somebody_trusts_them_and_are_absent_where_none_were_looked_for(
    tmp_path, leaks, untrusted
):
    booster = makers.booster()
    tables = build_tables(booster)
    document = makers.document(booster, tables).model_copy(update={"provenance": {"leaks": leaks}})
    found = of_artefact(
        *write_artefact(models_folder(tmp_path), model=XGBoostModel(booster), document=document, tables=tables)
    ).get(Measure.UNTRUSTED_LEAK_WARNINGS)
    assert found == (None if untrusted is None else Measured(untrusted))
    if untrusted == 1.0:
        assert found.note.startswith("own_state: its name")


def test_an_artefact_that_does_not_verify_has_no_other_measure(tmp_path):
    path, _ = artefact(tmp_path, NO_FINDINGS)
    unverified = {Measure.ARTEFACT_VERIFIED: Measured(0.0)}
    assert of_artefact(path, "0" * 64) == unverified
    assert of_artefact(path.parent / "nowhere", "0" * 64) == unverified
    (path / MANIFEST).write_bytes(b"{}")
    assert of_artefact(path, sha256(b"{}")) == unverified


# The window

ROWS = 200


def evaluation_set(**changes) -> EvaluationSet:
    """A fifth of the claims are fraud, of two kinds; each of 40 providers has five claims."""
    row = np.arange(ROWS)
    fraud = row % 5 == 0
    values = {
        "fraud": fraud,
        "kind": np.where(fraud, np.where(row % 2 == 0, "upcoding", "phantom"), None).astype(object),
        "amounts_cents": np.full(ROWS, 100),
        "providers": np.array([f"H{n // 5}" for n in row], dtype=object),
        "unseen": np.zeros(ROWS, dtype=bool),
        "rule": np.zeros(ROWS, dtype=bool),
        "groups": {"region": np.where(row % 2 == 0, "Coast", "Hills").astype(object)},
        "received_us": row.astype(np.int64),
        "scores": {},
        "probabilities": {},
    }
    return EvaluationSet(**(values | changes))


FRAUD = evaluation_set().fraud
PERFECT = np.where(FRAUD, 1.0, 0.0)
WORST = 1.0 - PERFECT
NOISE = np.random.default_rng(1).random(ROWS)


def window(ours, theirs, probabilities=PERFECT, **changes):
    return evaluation_set(scores={MODEL: ours, RULE: theirs}, probabilities={MODEL: probabilities}, **changes)


def test_the_lead_over_the_rule_is_paired_and_its_lower_end_is_taken():
    perfect = of_window(window(PERFECT, NOISE), threshold=0.5, replicates=50)[Measure.AP_OVER_RULE_LOW]
    same = of_window(window(NOISE, NOISE), threshold=0.5, replicates=50)[Measure.AP_OVER_RULE_LOW]
    worse = of_window(window(NOISE, PERFECT), threshold=0.5, replicates=50)[Measure.AP_OVER_RULE_LOW]
    assert 0.5 < perfect.value < 1 - FRAUD.mean()
    assert same == Measured(0.0), "in every replicate the difference is 0"
    assert -1 < worse.value < -perfect.value, "the lower end is farther from zero than the upper one"


def test_weights_count_in_the_lead():
    found = np.where(np.arange(ROWS) % 10 == 0, 1.0, 0.0)  # only upcoding
    heavy = np.where(evaluation_set().kind == "phantom", 50.0, 1.0)
    plain = of_window(window(found, NOISE), threshold=0.5, replicates=30)
    weighted = of_window(window(found, NOISE, weights=heavy), threshold=0.5, replicates=30)
    assert weighted[Measure.AP_OVER_RULE_LOW].value < plain[Measure.AP_OVER_RULE_LOW].value


def test_by_default_300_replicates_are_drawn_from_the_same_seed():
    claims = window(NOISE + PERFECT, NOISE, probabilities=NOISE)
    assert of_window(claims, threshold=0.5) == of_window(claims, threshold=0.5, replicates=300, seed=0)
    claims.scores[CHAMPION], claims.probabilities[CHAMPION] = NOISE, NOISE
    default = against_champion(claims, reviews=20)
    assert default == against_champion(claims, reviews=20, replicates=300, seed=0)
    assert default != against_champion(claims, reviews=20, replicates=300, seed=1)


def test_the_worst_groups_false_positive_rate_is_its_lower_end():
    hills = np.where(np.arange(ROWS) % 2 == 1, 0.5, 0.0)
    worst = of_window(window(PERFECT, NOISE, hills), threshold=0.5, replicates=30)
    assert worst[Measure.WORST_GROUP_FALSE_POSITIVE_RATE_LOW] == Measured(1.0), "a claim at the threshold is flagged"
    some = np.where((np.arange(ROWS) % 2 == 1) & (NOISE < 0.5), 1.0, 0.0)
    measured = of_window(window(PERFECT, NOISE, some), threshold=0.5, replicates=30)
    low = measured[Measure.WORST_GROUP_FALSE_POSITIVE_RATE_LOW].value
    assert 0.2 < low < some[(np.arange(ROWS) % 2 == 1) & ~FRAUD].mean()
    none = of_window(window(PERFECT, NOISE, hills), threshold=0.51, replicates=30)
    assert none[Measure.WORST_GROUP_FALSE_POSITIVE_RATE_LOW] == Measured(0.0)


def test_the_interval_of_a_groups_rate_is_of_as_many_replicates_as_the_lead():
    some = np.where(NOISE < 0.5, 1.0, 0.0)
    claims = window(PERFECT, NOISE, some)
    for replicates in (20, 40):
        found = of_window(claims, threshold=0.5, replicates=replicates)
        lows = [row.low for row in false_positives_by_group(claims, some >= 0.5, replicates=replicates)]
        assert found[Measure.WORST_GROUP_FALSE_POSITIVE_RATE_LOW] == Measured(max(lows))


def test_without_a_group_of_enough_clean_claims_the_rate_is_not_applicable():
    measured = of_window(window(PERFECT, NOISE, groups={}), threshold=0.5, replicates=5)
    assert measured == {
        Measure.AP_OVER_RULE_LOW: measured[Measure.AP_OVER_RULE_LOW],
        Measure.WORST_GROUP_FALSE_POSITIVE_RATE_LOW: NotApplicable(NotApplicableReason.NO_GROUP_WITH_ENOUGH_CLAIMS),
    }


# Against rivals


def test_a_model_worse_than_any_rival_is_measured_below_zero_and_the_note_says_by_how_much():
    """Each rival in turn ranks as well as the label itself, the model by chance, the others worse."""
    for rival, measure in RIVALS.items():
        if rival == "the base rate":
            continue
        scores = {name: NOISE - 9 * FRAUD for name in RIVALS if name != "the base rate"}
        claims = evaluation_set(scores={**scores, MODEL: NOISE, rival: PERFECT}, probabilities={})
        found = against_rivals(claims, replicates=30)
        assert found[measure].value < 0
        assert f"worse than {rival} by" in found[measure].note
        assert all(found[other].value > 0 for other in set(RIVALS.values()) - {measure})


def test_a_model_that_ranks_frauds_last_is_worse_than_the_base_rate():
    worst = against_rivals(evaluation_set(scores={MODEL: NOISE - 9 * FRAUD}, probabilities={}), replicates=30)
    assert worst[Measure.AP_OVER_BASE_RATE_HIGH].value < 0
    best = against_rivals(evaluation_set(scores={MODEL: PERFECT}, probabilities={}), replicates=30)
    assert best[Measure.AP_OVER_BASE_RATE_HIGH].value > 0


def test_without_attributes_there_is_no_booster_of_raw_columns_and_another_rival_without_scores_is_absent():
    found = against_rivals(evaluation_set(scores={MODEL: NOISE, LOGISTIC: NOISE}, probabilities={}), replicates=5)
    assert set(found) == {
        Measure.AP_OVER_BASE_RATE_HIGH,
        Measure.AP_OVER_LOGISTIC_HIGH,
        Measure.AP_OVER_RAW_BOOSTER_HIGH,
    }
    assert found[Measure.AP_OVER_LOGISTIC_HIGH] == Measured(0.0), "as good, so not worse"
    assert found[Measure.AP_OVER_RAW_BOOSTER_HIGH] == NotApplicable(NotApplicableReason.NO_RAW_BOOSTER)


# Against the champion


def beside(ours, theirs, p=PERFECT, q=PERFECT, **changes):
    scores, probabilities = {MODEL: ours, CHAMPION: theirs}, {MODEL: p, CHAMPION: q}
    return evaluation_set(scores=scores, probabilities=probabilities, **changes)


def test_the_lead_over_the_champion_and_the_difference_of_calibration():
    measured = against_champion(beside(PERFECT, NOISE, PERFECT, 0.5 * PERFECT), reviews=20, replicates=30)
    lead, low = measured[Measure.AP_OVER_CHAMPION].value, measured[Measure.AP_OVER_CHAMPION_LOW].value
    assert 0 < low < lead < 1
    assert measured[Measure.BRIER_OVER_CHAMPION].value == pytest.approx(0 - 0.2 * 0.25)
    behind = against_champion(beside(NOISE, PERFECT, 0.5 * PERFECT, PERFECT), reviews=20, replicates=30)
    assert behind[Measure.AP_OVER_CHAMPION].value == pytest.approx(-lead)
    assert behind[Measure.AP_OVER_CHAMPION_LOW].value < -lead
    assert behind[Measure.BRIER_OVER_CHAMPION].value == pytest.approx(0.2 * 0.25)
    assert set(measured) == set(CHAMPION_MEASURES)


def test_calibration_is_weighted():
    weights = np.where(FRAUD, 1.0, 0.0)
    measured = against_champion(
        beside(PERFECT, NOISE, PERFECT, 0.5 * PERFECT, weights=weights), reviews=20, replicates=5
    )
    assert measured[Measure.BRIER_OVER_CHAMPION].value == pytest.approx(-0.25)


def worst_kind(ours, theirs, *, reviews, kinds):
    """The ratio of recall, where `kinds` are the kinds of the first claims, all of them fraud."""
    fraud = np.arange(ROWS) < len(kinds)
    kind = np.array([*kinds, *[None] * (ROWS - len(kinds))], dtype=object)
    claims = beside(ours, theirs, fraud=fraud, kind=kind)
    return against_champion(claims, reviews=reviews, replicates=5)[Measure.WORST_KIND_RECALL_RATIO]


DOWN = -np.arange(ROWS, dtype=np.float64)
NONE = NotApplicable(NotApplicableReason.NO_KIND_WITH_ENOUGH_CLAIMS)
TEN = MIN_CLAIMS_OF_KIND


@pytest.mark.parametrize(
    ("ours", "theirs", "kinds", "expected"),
    [
        (DOWN, DOWN, ["a"] * TEN, Measured(1.0)),
        (DOWN, DOWN, ["a"] * (TEN - 1), NONE),
        (DOWN, DOWN, [None] * TEN, NONE),
        (DOWN, DOWN, ["a"] * TEN + ["b"] * (TEN - 1), Measured(1.0)),
        # Both review 30 claims: the champion finds all 10 of "a"; the model those that it does not rank last.
        (np.where(np.arange(ROWS) < 6, -999.0, DOWN), DOWN, ["a"] * TEN, Measured(0.4)),
        (np.where(np.arange(ROWS) < 10, -999.0, DOWN), DOWN, ["a"] * TEN, Measured(0.0)),
        (np.where(np.arange(ROWS) < 6, -999.0, DOWN), DOWN, ["a"] * TEN + ["b"] * TEN, Measured(0.4)),
        (np.where(np.arange(ROWS) >= 14, DOWN - 999, DOWN), DOWN, ["a"] * TEN + ["b"] * TEN, Measured(1.0)),
        # The champion finds 5, or too few to compare with.
        (DOWN, np.where(np.arange(ROWS) < 5, -999.0, DOWN), ["a"] * TEN, Measured(2.0)),
        (DOWN, np.where(np.arange(ROWS) < 6, -999.0, DOWN), ["a"] * TEN, NONE),
    ],
)
def test_recall_of_the_worst_kind_is_relative_to_the_champion(ours, theirs, kinds, expected):
    assert worst_kind(ours, theirs, reviews=10, kinds=kinds) == expected


@pytest.mark.parametrize(("reviews", "expected"), [(10, 1.0), (6.7, 1.0), (6.6, 0.9)])
def test_kinds_are_compared_in_three_times_the_reviews(reviews, expected):
    last = np.where(np.arange(ROWS) == 9, DOWN - 10.5, DOWN)  # found as the 20th claim
    assert worst_kind(last, DOWN, reviews=reviews, kinds=["a"] * TEN) == Measured(expected)


def test_claims_with_a_kind_that_are_not_fraud_do_not_count():
    fraud = np.arange(ROWS) < TEN - 1
    claims = beside(DOWN, DOWN, fraud=fraud, kind=np.full(ROWS, "a", dtype=object))
    assert against_champion(claims, reviews=10, replicates=5)[Measure.WORST_KIND_RECALL_RATIO] == NONE


@pytest.mark.parametrize("reason", [NotApplicableReason.NO_CHAMPION, NotApplicableReason.IS_CHAMPION])
def test_without_a_champion_its_measures_say_why_they_are_not_applicable(reason):
    assert without_champion(reason) == dict.fromkeys(CHAMPION_MEASURES, NotApplicable(reason))


# Behaviour and latency

CASES = {
    **{case: measure for measure, case in PAID_OVER_RULE_CASES.items()},
    Perturbation(PerturbationKind.DUPLICATE): None,
}
RESULTS = tuple(
    PerturbationResult(
        case, claims=10, paid_unseen=n, paid_unseen_rule_alone=2 * n, implausible=20, implausible_paid=100 + n
    )
    for n, case in enumerate(CASES)
)
FALLS = LogOddsFalls(10, 0.25, 0.5, 0.75)


def behaviour(results):
    return Behaviour(date(2026, 3, 2), tuple(results))


def test_payments_for_perturbed_claims_are_measured_by_perturbation():
    number = {case: n for n, case in enumerate(CASES)}
    assert of_behaviour(behaviour(RESULTS), FALLS) == {
        **{measure: Measured(-number[case] / 10) for measure, case in PAID_OVER_RULE_CASES.items()},
        **{measure: Measured(100.0 + number[case]) for measure, case in IMPLAUSIBLE_PAID_CASES.items()},
        Measure.DUPLICATES_PAID: Measured(float(number[Perturbation(PerturbationKind.DUPLICATE)])),
        Measure.LOG_ODDS_FALL_AMOUNT: Measured(0.25),
        Measure.LOG_ODDS_FALL_UNITS: Measured(0.5),
        Measure.LOG_ODDS_FALL_CONFIRMED_FRAUD: Measured(0.75),
    }


def test_a_case_without_claims_is_absent():
    empty = [
        replace(one, claims=0) if one.case == Perturbation(PerturbationKind.AMOUNT, 10) else one for one in RESULTS
    ]
    absent = set(of_behaviour(behaviour(RESULTS), FALLS)) - set(of_behaviour(behaviour(empty), FALLS))
    assert absent == {Measure.PAID_OVER_RULE_AMOUNT_X10, Measure.IMPLAUSIBLE_PAID_AMOUNT_X10}
    assert of_behaviour(behaviour([]), replace(FALLS, claims=0)) == {}
    assert len(of_behaviour(behaviour([]), replace(FALLS, claims=1))) == 3


def test_without_claims_the_latency_is_absent():
    assert of_latency(None, []) == {}  # type: ignore[arg-type]


def test_a_log_odds_fall_that_could_not_be_computed_is_passed_on_for_the_gate_to_refuse():
    measured = of_behaviour(behaviour([]), replace(FALLS, amount=math.nan))
    assert math.isnan(measured[Measure.LOG_ODDS_FALL_AMOUNT].value)
