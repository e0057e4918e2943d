"""What explains a score further: the strongest interaction and the comparison with honest peers, in words."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from claims.scoring import ExplanationDetails
from features.vector import FEATURE, FEATURE_NAMES, schema_hash
from models.artefact import Artefact, Calibration, ModelDocument, load_artefact, write_artefact
from models.details import explanation_details
from models.errors import SchemaMismatchError
from models.explain import HonestPeers, build_tables, interactions
from models.families import TrainingSample, XGBoost, XGBoostModel

PEERS = 40
FIRST, SECOND = FEATURE_NAMES.index("units"), FEATURE_NAMES.index("diagnoses")


@pytest.fixture(scope="module")
def artefact(tmp_path_factory: pytest.TempPathFactory) -> Artefact:
    """A model for which only the product of units and diagnoses matters, and peers of one specialty."""
    rng = np.random.default_rng(3)
    x = rng.lognormal(size=(1_200, len(FEATURE_NAMES))).astype(np.float32)
    y = (x[:, FIRST] > 1) ^ (x[:, SECOND] > 1.2) ^ (rng.random(1_200) < 0.1)
    sample = TrainingSample(x, y)
    family = XGBoost(depth=3, rounds=10, early_stopping=10, learning_rate=0.3, min_child_weight=1.0, threads=1)
    model = family.fit(sample, sample, features=FEATURE_NAMES).model
    assert isinstance(model, XGBoostModel)
    tables = build_tables(model.booster)
    document = ModelDocument(
        version="m-1",
        features=FEATURE_NAMES,
        schema_hash=schema_hash(FEATURE_NAMES),
        trees=model.trees,
        calibration=Calibration(a=0.9, b=1.1, c=-0.2, covariance=(0.04, 0.01, 0.02, 0.05, -0.03, 0.06), frauds=25),
        threshold=0.5,
        base_rate=0.15,
        explained_by="tables",
    )
    peers = HonestPeers(np.array(["cardiology"]), np.array([0, PEERS]), x[:PEERS])
    folder, _ = write_artefact(
        tmp_path_factory.mktemp("models"), model=model, document=document, tables=tables, peers=peers
    )
    return load_artefact(Path(folder))


def a_vector(**other: float | None) -> dict[str, float | None]:
    return dict.fromkeys(FEATURE_NAMES, 1.0) | {"units": 4.0, "diagnoses": 0.5} | other


def details_of(artefact: Artefact, specialty: str | None = "cardiology", **other: float | None) -> ExplanationDetails:
    return explanation_details(artefact, a_vector(**other), specialty)


def test_the_strongest_interaction_is_stated_with_both_facts_and_its_effect(artefact):
    pair = details_of(artefact).interaction
    assert pair is not None
    assert set(pair.features) == {"units", "diagnoses"}
    row = np.array(list(a_vector().values()), dtype=np.float32)
    assert pair.push == interactions(artefact.tables, row)[FIRST, SECOND]
    assert pair.odds == math.exp(pair.push)
    assert f"({4:.0f}" in pair.text
    assert "together with" in pair.text
    assert f"the combination {'raises' if pair.push > 0 else 'lowers'} the odds" in pair.text


def test_the_probability_of_the_score_has_the_interval_of_its_calibration(artefact):
    found = details_of(artefact).probability_interval
    assert found is not None
    row = np.array([list(a_vector().values())], dtype=np.float32)
    margin = float(artefact.tables.margins(row)[0])
    assert (found.low, found.high) == artefact.calibrator.interval(margin, level=found.level)
    assert found.low < artefact.calibrator.probability(margin) < found.high


def test_a_model_that_does_not_state_how_certain_its_calibration_is_has_no_interval(artefact):
    uncertain = replace(artefact, calibrator=replace(artefact.calibrator, covariance=None))
    assert details_of(uncertain).probability_interval is None


def test_a_model_without_tables_has_an_interval_and_no_interaction(artefact):
    found = details_of(replace(artefact, explainer=artefact.model.additive()))
    assert found.probability_interval == details_of(artefact).probability_interval
    assert (found.interaction, found.peers) == (None, None)


def test_the_comparison_with_peers_adds_up_to_the_margin(artefact):
    peers = details_of(artefact).peers
    assert peers is not None
    assert (peers.specialty, peers.claims) == ("cardiology", PEERS)
    row = np.array([list(a_vector().values())], dtype=np.float32)
    margin = float(artefact.tables.margins(row)[0])
    assert peers.margin + sum(group.push for group in peers.groups) == pytest.approx(margin, abs=1e-5)
    for group in peers.groups:
        assert group.push == pytest.approx(sum(group.features.values()))
    assert {name for group in peers.groups for name in group.features} == set(FEATURE_NAMES)
    sizes = [abs(group.push) for group in peers.groups]
    assert sizes == sorted(sizes, reverse=True)


def test_a_group_is_stated_with_its_value_and_that_of_the_peers(artefact):
    peers = details_of(artefact).peers
    assert peers is not None
    (group,) = (group for group in peers.groups if group.code == FEATURE["units"].group)
    assert "; typical of honest peers: " in group.text


def test_a_missing_value_is_stated_as_such(artefact):
    pair = details_of(artefact, units=None).interaction
    assert pair is None or "no value" in pair.text or "units" not in pair.features


@pytest.mark.parametrize("specialty", [None, "dentistry"])
def test_a_specialty_without_peers_is_not_compared(artefact, specialty):
    assert details_of(artefact, specialty).peers is None


def test_a_vector_of_another_model_is_refused(artefact):
    vector = a_vector()
    del vector["units"]
    with pytest.raises(SchemaMismatchError):
        explanation_details(artefact, vector, "cardiology")
