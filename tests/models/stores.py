"""MLflow stores for tests: copies of one empty SQLite store, because MLflow's migrations take seconds for each."""

import os
import shutil
import sqlite3
import tempfile
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

from models import registry
from models.artefact import load_artefact, models_folder, write_artefact
from models.explain import build_tables
from models.families import XGBoostModel
from models.registry import MlflowStore, RunRecord
from tests.models import makers

_KEPT = Path(__file__).parents[2] / ".cache"


def new_store(home: Path) -> MlflowStore:
    """The MLflow store of a home, with nothing in it."""
    store = MlflowStore.of(home)
    shutil.copyfile(_empty(), home / "mlflow" / "mlflow.db")
    return store


def _empty() -> Path:
    """An empty store of the installed MLflow, made once and kept out of the sources."""
    kept = _KEPT / f"mlflow-{version('mlflow')}.db"
    if not kept.exists():
        _KEPT.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_KEPT) as folder:
            registry.aliases(MlflowStore.of(Path(folder)))
            whole = Path(folder) / "whole.db"
            with closing(sqlite3.connect(Path(folder) / "mlflow" / "mlflow.db")) as made:
                made.execute("VACUUM INTO ?", [os.fspath(whole)])
            whole.replace(kept)
    return kept


def register_two(home: Path) -> Path:
    """Give `home` a store that holds the models `v1` and the newer `v2`, with their files; returns `home`."""
    store = new_store(home)
    booster = makers.booster()
    tables = build_tables(booster)
    for name in ("v1", "v2"):
        document = makers.document(booster, tables, version=name)
        path, _ = write_artefact(models_folder(home), model=XGBoostModel(booster), document=document, tables=tables)
        registry.register(store, RunRecord(name=name, command="test"), load_artefact(path))
    return home
