"""The notebooks run from top to bottom on small data, and are kept without outputs."""

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.pipelines.model_life import trained_home

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def test_there_are_the_five_notebooks_of_the_documentation():
    manual = (FOLDER.parent / "docs" / "guides" / "data-science.md").read_text()
    assert len(NOTEBOOKS) == 5
    for path in NOTEBOOKS:
        assert f"notebooks/{path.name}" in manual


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_committed_without_outputs(path):
    for cell in nbformat.read(path, as_version=4).cells:
        assert cell.cell_type == "markdown" or (cell.outputs == [] and cell.execution_count is None)


def test_the_notebooks_run_from_top_to_bottom(monkeypatch):
    """In one kernel that is reset in between, because each start takes seconds of imports."""
    monkeypatch.setenv("GINJA_HOME", str(trained_home()))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(FOLDER.parent), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("MPLBACKEND", "agg")
    together = nbformat.v4.new_notebook()
    for path in NOTEBOOKS:
        together.cells += [nbformat.v4.new_code_cell("%reset -f"), *nbformat.read(path, as_version=4).cells]
    NotebookClient(together, timeout=240, kernel_name="python3", resources={"metadata": {"path": FOLDER}}).execute()
