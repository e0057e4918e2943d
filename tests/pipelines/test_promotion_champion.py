"""Promotion in a store of MLflow: pointer, alias, audit trail, who forced it, and that a refusal changes nothing."""

import getpass
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow.xgboost
import pytest

from core.settings import Settings, held
from models import registry
from models.artefact import MANIFEST, load_artefact, models_folder, point, read_pointer, write_artefact
from models.errors import ArtefactCorruptError, PointerError, RegistryError
from models.evaluation import ThresholdChoice
from models.families import XGBoostModel
from models.registry import MlflowStore
from pipelines import audit_trail
from pipelines.evaluate import ProvenanceError
from pipelines.promote import Force, NoCandidateError, Promotion, RefusedError, choose_threshold, promote, rollback
from pipelines.promote.flow import candidate, make_champion
from pipelines.promote.gates import GateName, GateOutcome, Verdict, gates_json
from tests.models import makers
from tests.models.stores import new_store, register_two

PASSED = tuple(Verdict(gate, GateOutcome.PASSED, "a condition", "met") for gate in GateName)
REFUSED = (*PASSED[1:], Verdict(PASSED[0].gate, GateOutcome.REFUSED, "a condition", "not met"))
FORCE = Force("Ann", "approved in CAB-12")


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose store holds `v1` and the candidate `v2`. Never change it."""
    return register_two(tmp_path_factory.mktemp("registered"))


@pytest.fixture
def home(registered: Path, tmp_path: Path) -> Path:
    """A home of the test's own with `v1` and `v2`; no champion."""
    shutil.copytree(models_folder(registered), models_folder(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def store(registered: Path, home: Path, tmp_path: Path) -> Iterator[MlflowStore]:
    """The store that the settings name, in which both are registered: another one than the default of the home."""
    url = MlflowStore.of(tmp_path / "elsewhere").url
    shutil.copyfile(registered / "mlflow" / "mlflow.db", url.removeprefix("sqlite:///"))
    with held(Settings(home=home, mlflow_url=url)):
        yield MlflowStore.of(home, url)


def entries(home: Path) -> list[dict[str, object]]:
    """The audit trail without times."""
    return [
        {"action": entry.action, "version": entry.version, "by": entry.by, "reason": entry.reason, **entry.details}
        for entry in audit_trail.read(home)
    ]


def champion(home: Path) -> str | None:
    pointer = read_pointer(home)
    return None if pointer is None else pointer.version


def damage(home: Path, version: str) -> None:
    (models_folder(home) / version / MANIFEST).write_bytes(b"{}")


def tags(store: MlflowStore, version: str) -> dict[str, str]:
    """What MLflow states about a version, besides the artefact's own tags."""
    client = mlflow.MlflowClient(store.url, store.url)
    held_tags = client.get_model_version("fraud", registry.find(store, version).number).tags
    return {name: text for name, text in held_tags.items() if "promoted" in name}


def promoted(
    home: Path, store: MlflowStore, version: str, verdicts: tuple[Verdict, ...] = PASSED, **options: Any
) -> Promotion:
    """A version becomes the champion after its gates were checked for 1.25 seconds, with these verdicts."""
    return make_champion(home, store, version, verdicts, started=time.perf_counter() - 1.25, **options)


def test_a_promotion_points_the_scorers_to_the_model_and_records_who_and_which_gates(
    home: Path, store: MlflowStore
) -> None:
    steps: list[str] = []
    done = promoted(home, store, "v1", step=steps.append)
    assert done == Promotion("v1", None, PASSED, forced=False, alias_problem=None, seconds=done.seconds)
    assert done.seconds >= 1.25
    assert (type(done.seconds), round(done.seconds, 2)) == (float, done.seconds), "hundredths"
    assert steps == ["Pointing the scorers to it"]
    assert champion(home) == registry.aliases(store)["champion"] == "v1"
    user = getpass.getuser()
    assert tags(store, "v1") == {"ginja.promoted_by": user, "ginja.promoted_because": "every gate passed"}
    assert entries(home) == [
        {
            "action": "promote",
            "version": "v1",
            "by": user,
            "reason": "every gate passed",
            "previous": None,
            "gates": gates_json(PASSED),
        }
    ]
    assert promoted(home, store, "v2").previous == "v1"
    assert champion(home) == registry.aliases(store)["champion"] == "v2"
    assert entries(home)[1]["previous"] == "v1"


def test_a_gate_that_refuses_leaves_the_champion_the_alias_and_the_audit_trail_as_they_are(
    home: Path, store: MlflowStore
) -> None:
    point(home, "v1")
    steps: list[str] = []
    with pytest.raises(RefusedError) as refused:
        promoted(home, store, "v2", REFUSED, step=steps.append)
    assert refused.value.verdicts == REFUSED
    assert str(refused.value).splitlines() == [
        f"v2 was not promoted: 1 of {len(GateName)} gates refuse",
        "  artefact_integrity: not met",
    ]
    assert steps == []
    assert champion(home) == "v1"
    assert "champion" not in registry.aliases(store)
    assert entries(home) == []


@pytest.mark.parametrize(("verdicts", "overruled"), [(REFUSED, True), (PASSED, False)])
def test_a_forced_promotion_records_who_overruled_which_gates_and_why(
    home: Path, store: MlflowStore, verdicts: tuple[Verdict, ...], overruled: bool
) -> None:
    done = promoted(home, store, "v2", verdicts, force=FORCE)
    assert (done.version, done.verdicts, done.forced) == ("v2", verdicts, overruled)
    assert champion(home) == "v2"
    assert tags(store, "v2") == {"ginja.promoted_by": "Ann", "ginja.promoted_because": "approved in CAB-12"}
    (entry,) = entries(home)
    assert (entry["action"], entry["by"], entry["reason"]) == ("force", "Ann", "approved in CAB-12")
    assert entry["gates"] == gates_json(verdicts)


def test_a_challenger_that_becomes_the_champion_ends_its_trial_and_another_goes_on(
    home: Path, store: MlflowStore
) -> None:
    point(home, "v2", role="challenger")
    promoted(home, store, "v1")
    assert read_pointer(home, "challenger") is not None
    promoted(home, store, "v2", force=FORCE)
    assert read_pointer(home, "challenger") is None
    assert entries(home)[-1] == {
        "action": "dismiss",
        "version": "v2",
        "by": "Ann",
        "reason": "it became the champion",
    }


def test_an_invalid_pointer_of_the_champion_is_replaced(home: Path, store: MlflowStore) -> None:
    (models_folder(home) / "champion.json").write_text("{")
    with pytest.raises(PointerError, match="promote a model to replace it"):
        read_pointer(home)
    done = promoted(home, store, "v1", REFUSED, force=FORCE)
    assert (done.previous, champion(home)) == (None, "v1")
    assert entries(home)[0]["previous"] is None


def test_without_mlflow_nothing_is_promoted_or_recorded(home: Path) -> None:
    with pytest.raises(RegistryError, match=r"127\.0\.0\.1:9"):
        promoted(home, MlflowStore("http://127.0.0.1:9", None), "v1")
    assert champion(home) is None
    assert entries(home) == []


def test_a_promotion_whose_alias_cannot_be_written_holds_and_says_so(home: Path, store: MlflowStore) -> None:
    database = store.url.removeprefix("sqlite:///")
    done = promoted(
        home,
        MlflowStore(f"sqlite:///file:{database}?mode=ro&uri=true", store.artifacts),
        "v1",
    )
    assert champion(home) == "v1"
    assert done.alias_problem is not None
    assert "readonly" in done.alias_problem


# The version: named or the candidate, in the home or fetched


@pytest.mark.usefixtures("store")
def test_the_candidate_of_the_settings_store_is_fetched_before_its_gates_are_checked(home: Path) -> None:
    shutil.rmtree(models_folder(home))
    steps: list[str] = []
    with pytest.raises(ProvenanceError, match="model v2 does not state"):
        promote(home, step=steps.append)
    assert steps == ["Fetching the model from MLflow", "Checking the gates"]
    assert load_artefact(models_folder(home) / "v2").version == "v2"
    assert not (models_folder(home) / "v1").exists()
    assert champion(home) is None


def test_a_version_that_is_named_is_checked_instead_of_the_candidate(home: Path, store: MlflowStore) -> None:
    damage(home, "v1")
    steps: list[str] = []
    with pytest.raises(RefusedError, match="v1 was not promoted"):
        promote(home, "v1", store=store, step=steps.append)
    assert steps == ["Checking the gates"]


@pytest.mark.usefixtures("store")
def test_a_force_overrules_the_gates_but_makes_no_champion_of_a_model_that_does_not_verify(home: Path) -> None:
    damage(home, "v2")
    with pytest.raises(ArtefactCorruptError):
        promote(home, force=FORCE)
    assert champion(home) is None
    assert entries(home) == []


def test_the_store_that_is_passed_is_used_instead_of_the_settings_one(
    home: Path, store: MlflowStore, tmp_path: Path
) -> None:
    empty = new_store(tmp_path / "other")
    with pytest.raises(NoCandidateError) as refused:
        promote(home, store=empty)
    assert str(refused.value) == "there is no candidate; run `ginja model train` to train one"
    with pytest.raises(RegistryError, match="no registered model has version v7"):
        promote(home, "v7", store=empty)
    assert candidate(store) == "v2"


def test_a_rollback_names_the_previous_champion_in_mlflow_too(home: Path, store: MlflowStore) -> None:
    for version in ("v1", "v2"):
        promoted(home, store, version)
    done = rollback(home, by="Ann", reason="precision fell")
    assert done == Promotion("v1", "v2", (), forced=False, alias_problem=None, seconds=done.seconds)
    assert champion(home) == registry.aliases(store)["champion"] == "v1"


# A chosen threshold

CHOICE = ThresholdChoice(0.4, 3.0, 0.5, 0.25, float("nan"), 12.0)


def test_a_chosen_threshold_is_registered_as_the_candidate_and_recorded(home: Path, store: MlflowStore) -> None:
    booster = makers.booster()
    path, _ = write_artefact(
        models_folder(home), model=XGBoostModel(booster), document=makers.document(booster, None), tables=None
    )
    model = load_artefact(path)
    done = choose_threshold(home, model, CHOICE, by="Ann", why="fewer alerts", how="number")
    assert registry.aliases(store)["candidate"] == done.version
    assert registry.find(store, done.version) == done
    assert load_artefact(models_folder(home) / done.version).threshold == 0.4
    run = mlflow.MlflowClient(store.url).get_run(done.run_id)
    assert run.info.run_name == done.version
    sha256 = load_artefact(models_folder(home) / done.version).manifest_sha256
    assert run.data.params == {
        "threshold": "0.4",
        "of": model.version,
        "by": "Ann",
        "why": "fewer alerts",
        "manifest_sha256": sha256,
    }
    assert entries(home) == [
        {
            "action": "threshold",
            "version": done.version,
            "by": "Ann",
            "reason": "fewer alerts",
            "previous": model.version,
            "threshold": 0.4,
        }
    ]
