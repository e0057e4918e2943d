"""The notebooks run from top to bottom on any data set, draw, and are kept without outputs."""

import os
import subprocess
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.pipelines import model_life, own_columns

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
HOMES = {"simulated": model_life.trained_home, "motor": own_columns.trained_home}
"""Data set → a home with a candidate of it: simulated claims, and a file whose mapping declares features."""
SWITCH = """
%reset -f
import os
from core import settings as _settings
os.environ["GINJA_HOME"] = {home!r}
_settings._from_environment.cache_clear()
"""


def test_there_are_the_six_notebooks_of_the_documentation():
    manual = (FOLDER.parent / "docs" / "guides" / "data-science.md").read_text()
    assert len(NOTEBOOKS) == 6
    for path in NOTEBOOKS:
        assert f"notebooks/{path.name}" in manual


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_committed_without_outputs(path):
    for cell in nbformat.read(path, as_version=4).cells:
        assert cell.cell_type == "markdown" or (cell.outputs == [] and cell.execution_count is None)


def test_one_command_installs_jupyter_from_the_lock_and_opens_the_folder():
    root = FOLDER.parent
    shown = subprocess.run(["make", "-n", "lab"], cwd=root, capture_output=True, text=True, check=True).stdout
    assert "uv sync --frozen --inexact --quiet --group lab" in shown
    assert "jupyter lab --notebook-dir notebooks" in shown
    assert 'name = "jupyterlab"' in (root / "uv.lock").read_text()


def of(path: Path, dataset: str) -> list[nbformat.NotebookNode]:
    """The cells of a notebook with its parameter set, in a kernel that is reset before."""
    cells = nbformat.read(path, as_version=4).cells
    (named,) = [cell for cell in cells if 'dataset = "simulated"' in cell.source]
    assert "parameters" in named.metadata.tags
    named.source = f"dataset = {dataset!r}"
    return [nbformat.v4.new_code_cell(SWITCH.format(home=str(HOMES[dataset]()))), *cells]


def test_the_notebooks_run_from_top_to_bottom_on_any_data_set_and_draw(monkeypatch):
    """In one kernel that is reset in between, because each start takes seconds of imports."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(FOLDER.parent), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.delenv("MPLBACKEND", raising=False)
    parts = [(path, dataset) for path in NOTEBOOKS for dataset in HOMES]
    together = nbformat.v4.new_notebook()
    places = []
    for path, dataset in parts:
        cells = of(path, dataset)
        places.append(slice(len(together.cells), len(together.cells) + len(cells)))
        together.cells += cells
    NotebookClient(together, timeout=240, kernel_name="python3", resources={"metadata": {"path": FOLDER}}).execute()
    for (path, dataset), place in zip(parts, places, strict=True):
        outputs = [one for cell in together.cells[place] for one in cell.get("outputs", [])]
        assert any("image/png" in one.get("data", {}) for one in outputs), f"{path.stem} draws nothing of {dataset}"
