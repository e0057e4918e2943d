"""What the processes do with models: in files of the home and in MLflow's store."""

import time

from benchmarks.crash.processes import Begin, StepPlace
from models import registry
from models.artefact import load_artefact, load_pointed, models_folder, read_pointer, write_artefact
from models.errors import ModelError
from models.registry import CHAMPION, MlflowStore, RunRecord
from pipelines import audit_trail
from pipelines.promote import Force, make_champion, rollback

_SECOND = "bench-2"


def register_second(place: StepPlace, begin: Begin) -> str:
    """Register the champion of the stage and a second model; returns the second's version."""
    begin()
    store = MlflowStore.of(place.home)
    pointer = read_pointer(place.home)
    assert pointer is not None
    first = load_pointed(place.home, pointer)
    document = first.document.model_copy(update={"version": _SECOND})
    path, manifest = write_artefact(
        models_folder(place.home), model=first.model, document=document, tables=first.tables, peers=first.peers
    )
    for artefact in (first, load_artefact(path, expected_manifest_sha256=manifest)):
        registry.register(store, RunRecord(name=artefact.version, command="ginja bench crash"), artefact)
    registry.set_alias(store, CHAMPION, first.version)
    return _SECOND


def promote_model(version: str, place: StepPlace, begin: Begin) -> None:
    """Make a version the champion, without asking the gates: they change nothing."""
    store = MlflowStore.of(place.home)
    begin()
    force = Force(by="benchmark", reason="crash exploration")
    make_champion(place.home, store, version, (), force=force, started=time.perf_counter())


def roll_back_model(version: str, place: StepPlace, begin: Begin) -> None:
    """Roll back from `version`."""
    store = MlflowStore.of(place.home)
    begin()
    rollback(place.home, by="benchmark", reason="crash exploration", from_version=version, store=store)


def broken_models(place: StepPlace, begin: Begin) -> list[str]:
    """What is wrong with the champion, its alias, the audit trail and the folder of models."""
    begin()
    folder = models_folder(place.home)
    try:
        pointer = read_pointer(place.home)
        if pointer is None:
            return ["there is no champion"]
        load_pointed(place.home, pointer)
        entries = audit_trail.read(place.home)
    except (ModelError, audit_trail.AuditTrailError) as error:
        return [str(error)]
    found = []
    if (alias := registry.aliases(MlflowStore.of(place.home)).get(CHAMPION)) != pointer.version:
        found.append(f"the alias names {alias}, and {pointer.version} serves")
    if not entries or entries[-1].version != pointer.version:
        found.append(f"{pointer.version} serves without an entry in the audit trail")
    if pointer.previous is None:
        found.append("there is no way back")
    left = [path.name for path in folder.iterdir() if path.name.startswith(".") and path.name != ".lock"]
    return found + ([f"files left behind: {', '.join(left)}"] if left else [])
