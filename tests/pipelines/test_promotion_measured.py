"""A promotion with every measure taken: on a small simulated insurer, with models trained on its claims."""

import math
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from core.clock import DAY_US
from features.vector import FEATURE_NAMES
from models import registry
from models.artefact import Artefact, load_artefact, models_folder, point, read_pointer, write_artefact
from models.explain import build_tables
from models.families import XGBoostModel
from models.registry import RunRecord
from models.use import ModelUse
from pipelines import audit_trail
from pipelines.behaviour import CASES
from pipelines.datasets import (
    SIMULATED,
    DatasetError,
    LabelSnapshot,
    SplitPolicy,
    as_of_us,
    ensure_features,
    examples_of,
    open_named,
    read_vectors,
    split_examples,
    use_in_service,
    use_of,
)
from pipelines.evaluate import Window, newest_window
from pipelines.gates import QUALITY_GATES
from pipelines.promote import Force, UseChange, promote
from pipelines.promote.flow import _serving_window, make_champion, measure
from pipelines.promote.gates import IMPLAUSIBLE_PAID, PAID_OVER_RULE, GateName, GateOutcome, check_gates
from pipelines.promote.measures import (
    CHAMPION_MEASURES,
    LABEL_MEASURES,
    USE_MEASURES,
    Measure,
    Measured,
    NotApplicable,
    NotApplicableReason,
)
from pipelines.simulate import SimulationConfig, simulate, write
from tests.models import boosters, makers
from tests.models.stores import new_store

POLICY = SplitPolicy(embargo_days=5, warm_up_days=1, least_frauds=1)
LATER_DAYS = 8
"""`later` may have been trained on that many more days than `v1`."""


@pytest.fixture(scope="module")
def insurer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with claims, features and three models on them: `v1`, `later`, and `wary`, which flags every claim."""
    home = tmp_path_factory.mktemp("insurer")
    write(simulate(SimulationConfig(500, 3, date(2026, 1, 1), days=150, fraud_rate=0.1)), home / "data")
    source = open_named(SIMULATED, home)
    ensure_features(source)
    until = as_of_us(source, None)
    examples = examples_of(read_vectors(source, as_of_us=until), source.weights)
    slices = split_examples(examples, source, POLICY, as_of_us=until)
    booster = boosters.train(examples.full[slices.train], examples.fraud[slices.train])
    booster.feature_names = list(FEATURE_NAMES)
    tables = build_tables(booster)
    provenance = {
        "dataset": SIMULATED,
        "data_sha256": source.sha256,
        "policy": asdict(POLICY),
        "as_of_us": until,
        "test_from_us": slices.test_from_us,
        "leaks": [],
        "labels_sha256": LabelSnapshot.of(examples, dated=True).save(home),
        "quality": {gate: {"critical": 0} for gate in QUALITY_GATES},
    }
    for version, threshold, days in (("v1", 0.5, 0), ("later", 0.5, LATER_DAYS), ("wary", 0.0, 0)):
        stated = provenance | {"test_from_us": slices.test_from_us + days * DAY_US}
        document = makers.document(booster, tables, version=version)
        document = document.model_copy(update={"threshold": threshold, "provenance": stated, "use": use_of(source)})
        write_artefact(models_folder(home), model=XGBoostModel(booster), document=document, tables=tables)
    return home


@pytest.fixture
def home(insurer: Path, tmp_path: Path) -> Iterator[Path]:
    """The home with models, pointers and audit trail of this test's own."""
    models, kept = models_folder(insurer), tmp_path / "models"
    shutil.copytree(models, kept)
    yield insurer
    shutil.rmtree(models)
    kept.rename(models)


@pytest.fixture
def few(home: Path) -> Window:
    """A dozen claims of the newest window."""
    window = newest_window(home, load_artefact(models_folder(home) / "v1"))
    frauds = window.rows[window.examples.fraud[window.rows]][:4]
    clean = window.rows[~window.examples.fraud[window.rows]][:8]
    return replace(window, rows=np.sort(np.concatenate([frauds, clean])))


def clean_claims(window: Window) -> int:
    """How many claims of the window are perturbed: clean ones that are still valid."""
    valid = window.examples.claims["voided_at"].is_null().to_numpy()
    return int((valid & ~window.examples.fraud)[window.rows].sum())


def steps_of(window: Window) -> list[str]:
    decided = [f"Deciding {clean_claims(window)} claims: {case}" for case in CASES]
    return [*decided, "Raising amounts, units and confirmed fraud"]


def test_every_measure_is_taken_on_the_claims_after_the_training_of_model_and_champion(home: Path) -> None:
    point(home, "later")
    v1, later = (load_artefact(models_folder(home) / version) for version in ("v1", "later"))
    window = newest_window(home, v1, also=(later,))
    assert len(window.rows) < len(newest_window(home, v1).rows)
    steps: list[str] = []
    found = measure(home, "v1", step=steps.append)
    assert steps == steps_of(window)
    assert set(found) == set(Measure)
    missing = {one.reason for one in found.values() if isinstance(one, NotApplicable)}
    assert missing <= {
        NotApplicableReason.NO_RAW_BOOSTER,
        NotApplicableReason.NO_PREVIOUS_LABELS,
        NotApplicableReason.NO_KIND_WITH_ENOUGH_CLAIMS,
        NotApplicableReason.NO_GROUP_WITH_ENOUGH_CLAIMS,
    }
    assert all(math.isfinite(one.value) for one in found.values() if isinstance(one, Measured))
    assert found[Measure.ARTEFACT_VERIFIED] == Measured(1.0)
    for one in (Measure.CRITICAL_QUALITY_FINDINGS, Measure.DUPLICATES_PAID):
        assert found[one] == Measured(0.0)
    assert found[Measure.FRAUD_LABELS_LOST] == found[Measure.LABELS_VANISHED] == Measured(0.0)
    # The same trees: no lead, the same calibration.
    for one in (Measure.AP_OVER_CHAMPION_LOW, Measure.AP_OVER_CHAMPION, Measure.BRIER_OVER_CHAMPION):
        assert found[one] == Measured(0.0)


def test_a_model_that_flags_every_claim_pays_none_and_a_damaged_champion_leaves_its_measures_absent(
    home: Path, few: Window
) -> None:
    point(home, "v1")
    model = models_folder(home) / "v1" / "model.ubj"
    model.chmod(0o644)
    model.write_bytes(b"damaged")
    found = measure(home, "wary", window=few)
    assert set(Measure) - set(found) == {*CHAMPION_MEASURES, *USE_MEASURES, *LABEL_MEASURES}
    for one in (*PAID_OVER_RULE, *IMPLAUSIBLE_PAID, Measure.DUPLICATES_PAID):
        assert found[one].value <= 0
    assert found[Measure.PAID_OVER_RULE_AMOUNT_X2].value < 0, "the rule pays some of them"


def test_a_promotion_measures_checks_every_gate_and_points_the_scorers(home: Path, few: Window) -> None:
    store = new_store(home)
    registry.register(store, RunRecord(name="v1", command="test"), load_artefact(models_folder(home) / "v1"))
    steps: list[str] = []
    done = promote(home, "v1", force=Force("Ann", "approved in CAB-12"), store=store, window=few, step=steps.append)
    assert steps == ["Checking the gates", *steps_of(few), "Pointing the scorers to it"]
    assert [verdict.gate for verdict in done.verdicts] == list(GateName)
    outcomes = {verdict.gate: verdict.outcome for verdict in done.verdicts}
    assert outcomes[GateName.ARTEFACT_INTEGRITY] is outcomes[GateName.DUPLICATE_PAYMENTS] is GateOutcome.PASSED
    assert outcomes[GateName.BEATS_CHAMPION] is GateOutcome.NOT_APPLICABLE
    assert 0 < done.seconds < 3_600
    pointer = read_pointer(home)
    assert pointer is not None
    assert (pointer.version, done.version, done.previous) == ("v1", "v1", None)
    (entry,) = audit_trail.read(home)
    assert (entry.by, entry.reason) == ("Ann", "approved in CAB-12")


def with_use(home: Path, version: str, use: ModelUse, **provenance: str) -> Artefact:
    """`v1` under another version, as trained for a use."""
    v1 = load_artefact(models_folder(home) / "v1")
    stated = {"version": version, "use": use, "provenance": {**v1.document.provenance, **provenance}}
    path, manifest = write_artefact(
        models_folder(home), model=v1.model, document=v1.document.model_copy(update=stated), tables=v1.tables
    )
    return load_artefact(path, expected_manifest_sha256=manifest)


def test_labels_of_the_champion_that_cannot_be_read_leave_their_measures_absent(home: Path, few: Window) -> None:
    point(home, "later")
    assert set(LABEL_MEASURES) <= set(measure(home, "v1", window=few))
    for kept in models_folder(home).glob("labels-*.parquet"):
        kept.unlink()
    assert not set(LABEL_MEASURES) & set(measure(home, "v1", window=few))


def test_a_model_of_other_claims_is_measured_on_the_claims_in_service_and_refused(home: Path, few: Window) -> None:
    """The candidate's own data set is not even opened."""
    point(home, "v1")
    v1 = load_artefact(models_folder(home) / "v1")
    other = with_use(home, "other", ModelUse(name="motor"), dataset="motor")
    assert _serving_window(home, other, v1).source.name == SIMULATED
    found = measure(home, "other", window=few)
    assert found[Measure.SAME_USE] == Measured(0.0)
    refused = {verdict.gate: verdict for verdict in check_gates(found) if not verdict.passed}
    assert "champion v1 serves 'simulated'" in refused[GateName.SAME_USE].detail
    assert "--change-use" in refused[GateName.SAME_USE].detail
    assert measure(home, "v1", window=few)[Measure.SAME_USE] == NotApplicable(NotApplicableReason.IS_CHAMPION)


def test_a_model_that_cannot_be_scored_on_the_claims_in_service_is_refused_by_its_use(home: Path) -> None:
    gone = with_use(home, "gone", ModelUse(name="motor"), dataset="motor")
    point(home, gone.version)
    found = measure(home, "v1")
    assert found[Measure.SAME_USE] == Measured(0.0)
    assert Measure.AP_OVER_RULE_LOW not in found
    with_use(home, "heir", ModelUse(name="motor"), dataset="motor")
    with pytest.raises(DatasetError, match="no data set 'motor'"):
        measure(home, "heir")


def test_a_change_of_the_use_is_measured_on_the_new_claims_and_recorded(home: Path, few: Window) -> None:
    """With `change_use` the champion of other claims is no rival, and nothing is forced."""
    with_use(home, "motor", ModelUse(name="motor"), dataset="motor")
    point(home, "motor")
    found = measure(home, "v1", window=few, change_use=True)
    changed = NotApplicable(NotApplicableReason.USE_CHANGES)
    assert {found[one] for one in (*USE_MEASURES, *LABEL_MEASURES, *CHAMPION_MEASURES)} == {changed}
    verdicts = tuple(replace(one, outcome=GateOutcome.PASSED) for one in check_gates(found))
    store = new_store(home)
    registry.register(store, RunRecord(name="v1", command="test"), load_artefact(models_folder(home) / "v1"))
    change = UseChange("Ann", "the motor book was sold")
    make_champion(home, store, "v1", verdicts, change_use=change, started=time.perf_counter())
    (entry,) = audit_trail.read(home)
    assert (entry.action, entry.by, entry.reason) == ("change_use", "Ann", "the motor book was sold")
    assert (entry.details["use"], entry.details["previous"]) == (SIMULATED, "motor")
    assert use_in_service(home) == SIMULATED
