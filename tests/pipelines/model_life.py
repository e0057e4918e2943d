"""A home with simulated claims and a trained candidate, made once for the whole test run."""

import fcntl
import os
import shutil
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path

from models import registry
from models.artefact import Artefact
from models.families import DEFAULT_FAMILY
from models.registry import MlflowStore, RunRecord
from pipelines.datasets import SIMULATED, Source, open_named
from pipelines.evaluate import latest
from pipelines.simulate import SimulationConfig, simulate, write
from pipelines.train import TrainOptions, train_and_register
from tests.models.stores import new_store

OPTIONS = TrainOptions(
    family=replace(DEFAULT_FAMILY, rounds=60, early_stopping=15, learning_rate=0.15, threads=1), replicates=20
)
CLAIMS = 5_000
COPIED = ("data", "features", "models", "reports")
AS_MADE = "as-made"
"""Folder of a trained home that nothing writes in."""


def simulated(home: Path, *, claims: int = CLAIMS, seed: int = 3) -> Source:
    """A home's data, simulated into it."""
    write(simulate(SimulationConfig(claims, seed, date(2026, 1, 1), fraud_rate=0.06)), home / "data")
    return open_named(SIMULATED, home)


@cache
def trained_home() -> Path:
    """A home with one registered candidate and no champion; to change it, take a `copy_of_trained`.

    Commands that only read claims and models still write in it: reports, runs, and files DuckDB spills.
    """
    home = Path(os.environ["GINJA_HOME"]) / "model-life"
    home.mkdir(parents=True, exist_ok=True)
    with (home / "made.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "made").exists():
            source = simulated(home)
            train_and_register(home, source=source, options=OPTIONS, store=new_store(home))
            for folder in COPIED:
                shutil.copytree(home / folder, home / AS_MADE / folder)
            (home / "made").touch()
    return home


def copy_of_trained(target: Path) -> Path:
    """A separate home as `trained_home` was when it was made, whatever other processes write in that one meanwhile."""
    return copy_of(trained_home() / AS_MADE, target)


def copy_of(home: Path, target: Path) -> Path:
    """A separate home with the same data, features and models, and an MLflow store that is empty."""
    for folder in COPIED:
        shutil.copytree(home / folder, target / folder)
    # The registry names the offline files by their absolute path.
    for name in ("registry.db", "registry.sha256", "feature_store.yaml", "built-from.sha256"):
        (target / "features" / name).unlink(missing_ok=True)
    new_store(target)
    return target


def registered(home: Path) -> Artefact:
    """The model of a copy, registered as the candidate of its store, as after its training."""
    artefact = latest(home, SIMULATED)
    registry.register(MlflowStore.of(home), RunRecord(name=artefact.version, command="test"), artefact)
    return artefact
