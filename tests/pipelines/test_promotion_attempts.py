"""Repeated promotions share an error budget: each further version on the same claims needs more confidence."""

import numpy as np
import pytest

from models.artefact import models_folder
from models.evaluation import Interval
from pipelines import audit_trail
from pipelines.evaluate import CHAMPION, MODEL
from pipelines.promote.attempts import ERROR, FIRST_ATTEMPT, Comparison, EarlierAttempts, earlier_attempts
from pipelines.promote.gates import GateName, check_gates
from pipelines.promote.measures import CHAMPION_MEASURES, Measure, Measured
from pipelines.promote.measuring import against_champion
from tests.pipelines.test_promotion_measures import FRAUD, NOISE, evaluation_set


def compare(home, version, first, last, lead=0.0):
    Comparison("champion", first, last, lead).record(home, version, by="ann")


def test_versions_compared_on_some_of_the_same_claims_are_counted_once(tmp_path):
    compare(tmp_path, "a", 0, 100)
    compare(tmp_path, "a", 50, 150, -0.002)
    compare(tmp_path, "b", 100, 200)
    compare(tmp_path, "c", 201, 300, -0.5)
    compare(tmp_path, "mine", 100, 200)
    for version in ("a", "c"):
        audit_trail.record(tmp_path, "promote", version=version, by="ann", reason="every gate passed")
    audit_trail.record(tmp_path, "challenge", version="b", by="ann", reason="shadow mode")
    assert earlier_attempts(tmp_path, "mine", first_us=120, last_us=200) == EarlierAttempts(2, 0.002)
    assert earlier_attempts(tmp_path, "mine", first_us=301, last_us=400) == FIRST_ATTEMPT
    (models_folder(tmp_path) / "promotions.jsonl").write_text("damaged\n")
    assert earlier_attempts(tmp_path, "mine", first_us=120, last_us=200) is None


def test_the_error_over_any_number_of_versions_is_bounded():
    levels = [EarlierAttempts(versions).level for versions in range(10_000)]
    assert levels[0] == 1 - ERROR
    assert sum(1 - level for level in levels) < 0.083
    interval = Interval(0.04, 0.01, 0.07, 0.95)
    lows = [EarlierAttempts(versions).low(interval) for versions in range(5)]
    assert lows[0] == pytest.approx(interval.low)
    assert lows == sorted(lows, reverse=True)
    assert lows[1] == pytest.approx(0.04 - 0.03 * 2.4977 / 1.96, abs=1e-4)


def promoted_by_luck(rng, *, budget):
    """Whether any of 40 weekly candidates that are as good as the champion is promoted for being better."""
    for attempt in range(40):
        lead = rng.normal(0, 0.01)
        interval = Interval(lead, lead - 1.96 * 0.01, lead + 1.96 * 0.01, 0.95)
        attempts = EarlierAttempts(attempt) if budget else FIRST_ATTEMPT
        if attempts.low(interval) > 0:
            return True
    return False


def test_a_year_of_candidates_that_are_no_better_rarely_promotes_one():
    rng = np.random.default_rng(0)
    assert np.mean([promoted_by_luck(rng, budget=True) for _ in range(400)]) < 0.08
    assert np.mean([promoted_by_luck(rng, budget=False) for _ in range(400)]) > 0.5


def beside(ours, theirs):
    half = {MODEL: np.full(len(FRAUD), 0.2), CHAMPION: np.full(len(FRAUD), 0.2)}
    return evaluation_set(scores={MODEL: ours, CHAMPION: theirs}, probabilities=half)


def test_a_lead_that_suffices_once_does_not_after_many_comparisons_on_the_same_claims():
    ours, theirs = NOISE + 0.22 * FRAUD, NOISE
    alone = against_champion(beside(ours, theirs), reviews=20)
    after = against_champion(beside(ours, theirs), reviews=20, attempts=EarlierAttempts(versions=30))
    measure = Measure.AP_OVER_CHAMPION_LOW_OF_ATTEMPTS
    assert after[measure].value < alone[measure].value == alone[Measure.AP_OVER_CHAMPION_LOW].value
    assert "30 others were compared on these claims" in after[measure].note
    assert after[Measure.AP_OVER_CHAMPION_LOW] == alone[Measure.AP_OVER_CHAMPION_LOW]
    assert set(alone) == set(CHAMPION_MEASURES)


def test_what_promotions_gave_up_on_the_same_claims_counts_together():
    same = {
        Measure.AP_OVER_CHAMPION_LOW_OF_ATTEMPTS: Measured(-0.01),
        Measure.AP_OVER_CHAMPION_LOW: Measured(-0.01),
        Measure.BRIER_OVER_CHAMPION: Measured(-0.001),
    }

    def outcome(attempts):
        found = against_champion(beside(NOISE, NOISE), reviews=20, replicates=20, attempts=attempts)
        assert found[Measure.AP_OVER_CHAMPION].value == -attempts.given_up
        verdicts = check_gates({**same, Measure.AP_OVER_CHAMPION: found[Measure.AP_OVER_CHAMPION]})
        return next(one for one in verdicts if one.gate is GateName.BEATS_CHAMPION)

    assert outcome(EarlierAttempts(3, 0.008)).passed
    refused = outcome(EarlierAttempts(3, 0.012))
    assert not refused.passed
    assert "given up by earlier promotions" in refused.detail
