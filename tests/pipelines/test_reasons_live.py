"""Reasons of a trained model over claims it has not seen: true, sensible and few."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from benchmarks.reasons import contradicts, statistics
from features.declare import CLAIMS
from features.feast import historical_features
from features.vector import FEATURE_NAMES, build_many, inputs_of_each
from models.artefact import load_artefact
from models.explain import Explanation
from models.scorer import Scorer
from pipelines.datasets import SIMULATED, open_named
from tests.pipelines.model_life import trained_home

LIVE = 1_000


@pytest.fixture(scope="module")
def explanations() -> list[Explanation]:
    """The last claims of the simulated insurer, explained by the model trained on those before."""
    home = trained_home()
    (folder,) = (path.parent for path in (home / "models").glob("*/manifest.json"))
    scorer = Scorer(load_artefact(folder))
    claims = open_named(SIMULATED, home).claims.sort_by("received_at")
    states = pa.concat_tables(historical_features(home, claims.select(CLAIMS.names).slice(len(claims) - LIVE)))
    places = [FEATURE_NAMES.index(name) for name in scorer.artefact.features]
    rows = np.ascontiguousarray(build_many(states)[:, places])
    _, contributions, base = scorer.explain(rows, threads=2)
    return [
        scorer.reasoner.explain(x, row, phi, base)
        for x, row, phi in zip(inputs_of_each(states), rows, contributions, strict=True)
    ]


def test_the_guarantees_of_reasons_hold(explanations: list[Explanation]) -> None:
    found = statistics(explanations)
    assert found.claims == LIVE
    assert found.contradicting == 0
    assert found.stated_share_median >= 0.8, found
    assert found.carrier_share_min >= 0.6, found
    assert found.most_common_share <= 0.6, found


def test_every_reason_is_a_sentence_and_each_group_has_one(explanations: list[Explanation]) -> None:
    for explanation in explanations:
        codes = [reason.code for reason in explanation.reasons]
        assert len(codes) == len(set(codes))
        for reason in explanation.reasons:
            assert not set("{}") & set(reason.text)
            assert "None" not in reason.text
            assert "nan" not in reason.text.lower().split()
            assert "looked into" not in reason.text
            assert "cleared" not in reason.text


def test_statistics_count_contradicting_reasons(explanations: list[Explanation]) -> None:
    one = next(explanation for explanation in explanations if explanation.reasons)
    turned = [replace(reason, direction="against" if reason.direction == "for" else "for") for reason in one.reasons]
    assert all(contradicts(reason.text, reason.direction) for reason in turned)
    assert statistics([Explanation(one.typical_margin, one.groups, turned)]).contradicting == len(turned)
