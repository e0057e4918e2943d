"""An invented person whose claims a model learns from is nowhere in what the model, its runs and notebooks keep."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import date
from pathlib import Path
from typing import Final

import nbformat
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from nbclient import NotebookClient

from models.families import DEFAULT_FAMILY
from pipelines.datasets import SIMULATED, open_named
from pipelines.simulate import SimulationConfig, simulate, write
from pipelines.train import TrainOptions, train_and_register
from tests.models.stores import new_store
from tests.pipelines.test_notebooks import FOLDER, SWITCH
from tests.security.sentinels import found_in

NUMBER: Final = "912-77-4431-quillfeather"
"""Of a member, as an insurer that numbers its members by a national number and a name has it."""
PERSON: Final = {"number": [NUMBER, "912774431", "quillfeather"]}
NOTEBOOKS: Final = ("01-explore-a-feature.ipynb", "03-explain-a-claim.ipynb", "04-tune-the-threshold.ipynb")


def with_person(frame: pa.Table, member_id: str) -> pa.Table:
    """The frame with the number in place of a member's."""
    if "member_id" not in frame.column_names:
        return frame
    at = frame.column_names.index("member_id")
    column = frame["member_id"]
    changed = pc.if_else(pc.equal(column, member_id), pa.scalar(NUMBER, column.type), column)
    return frame.set_column(at, frame.schema.field(at), changed)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a model that learned from claims of the person."""
    folder = tmp_path_factory.mktemp("learned")
    made = simulate(SimulationConfig(3_000, 3, date(2026, 1, 1), fraud_rate=0.06))
    ((member_id, _),) = Counter(made.claims["member_id"].to_pylist()).most_common(1)
    frames = {
        one.name: with_person(value, member_id)
        for one in fields(made)
        if isinstance(value := getattr(made, one.name), pa.Table)
    }
    write(replace(made, **frames), folder / "data")
    family = replace(DEFAULT_FAMILY, rounds=30, early_stopping=10, learning_rate=0.2, threads=1)
    options = TrainOptions(family=family, replicates=5)
    train_and_register(folder, source=open_named(SIMULATED, folder), options=options, store=new_store(folder))
    return folder


def files_below(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def places_with(folder: Path) -> set[str]:
    """Paths of the files of a home that have the person."""
    return {str(path.relative_to(folder)) for path in files_below(folder) if found_in(path.read_bytes(), PERSON)}


def test_models_runs_and_reports_have_nobody_and_the_features_the_number_that_they_are_keyed_by(home: Path):
    """The registry of features and the evidence of the training among them."""
    found = places_with(home)
    assert {"data/claims.parquet", "features/offline/member_history.parquet"} <= found, "the search finds it"
    assert all(place.startswith(("data/", "features/offline/")) for place in found), found
    searched = {path.relative_to(home).parts[0] for path in files_below(home)}
    assert {"mlflow", "models", "reports", "training-members"} <= searched
    assert (home / "features" / "registry.db").is_file()


def test_notebooks_show_nobody(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(FOLDER.parent), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.delenv("MPLBACKEND", raising=False)
    together = nbformat.v4.new_notebook()
    for name in NOTEBOOKS:
        together.cells.append(nbformat.v4.new_code_cell(SWITCH.format(home=str(home))))
        together.cells += nbformat.read(FOLDER / name, as_version=4).cells
    NotebookClient(together, timeout=240, kernel_name="python3", resources={"metadata": {"path": FOLDER}}).execute()
    outputs = [one for cell in together.cells for one in cell.get("outputs", [])]
    assert len(outputs) > 5
    assert found_in(nbformat.writes(together).encode(), PERSON) == set()
