"""Models of other families over HTTP: the same answer, with contributions that sum to the margin."""

import pytest

from claims.scoring import Score
from models.artefact import load_artefact, point, unpoint
from models.families import CatBoost, Custom, Ebm, Family, LightGBM, Logistic
from tests.serving.conftest import RunningScorer
from tests.serving.makers import a_claim, make_model
from tests.serving.test_service import condition_of, score_of, until


def served(scorer: RunningScorer, version: str, family: Family) -> Score:
    """The score of a claim by a champion of this family."""
    make_model(scorer.home, version, family=family)
    unpoint(scorer.home, "challenger")
    point(scorer.home, version)
    until(lambda: condition_of(scorer) == (version, None), within=60)
    return score_of(scorer, a_claim())


@pytest.mark.parametrize(
    ("family", "explained_by"),
    [
        (LightGBM(rounds=10, learning_rate=0.3, threads=1), "tables"),
        (CatBoost(rounds=10, depth=3, learning_rate=0.3, threads=1), "tables"),
        (Ebm(rounds=20, pairs=2, max_bin=16, max_bin_pair=4, learning_rate=0.1, threads=1), "terms"),
        (Logistic(rounds=4, knots=8, threads=1), "terms"),
    ],
    ids=lambda value: value.spec if isinstance(value, Family) else value,
)
def test_a_champion_of_any_family_answers_with_reasons_that_sum_up(
    scorer: RunningScorer, family: Family, explained_by: str
) -> None:
    score = served(scorer, family.spec, family)
    assert (score.model_version, score.explained_by) == (family.spec, explained_by)
    assert score.base_margin + sum(score.contributions.values()) == pytest.approx(score.margin, abs=1e-4)
    assert score.typical_margin + sum(group.push for group in score.groups) == pytest.approx(score.margin, abs=1e-4)
    assert any(value != 0 for value in score.contributions.values())
    artefact = load_artefact(scorer.home / "models" / family.spec)
    assert score.probability == artefact.calibrator.probability(score.margin)


def test_a_family_of_ones_own_scores_in_shadow_over_http(scorer: RunningScorer) -> None:
    served(scorer, "deciding", Logistic(rounds=4, knots=8, threads=1))
    make_model(scorer.home, "own", family=Custom(factory="tests.pipelines.own_models:centroids"))
    point(scorer.home, "own", role="challenger")
    until(lambda: condition_of(scorer) == ("deciding", "own"), within=60)
    score = score_of(scorer, a_claim())
    assert score.shadow is not None
    assert (score.model_version, score.shadow.model_version) == ("deciding", "own")
    assert 0 < score.shadow.probability < 1
