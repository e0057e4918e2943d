"""The surfaces of the packages: every public name resolves, and none is hidden by a module of the same name."""

import ast
import importlib
from pathlib import Path
from types import ModuleType

import pytest

import features
import pipelines
from features.offline import scratch_duckdb
from pipelines.duck import connect

PACKAGES = sorted(path.parent.name for path in Path(pipelines.__path__[0]).glob("*/__init__.py"))


@pytest.mark.parametrize("name", PACKAGES)
def test_every_public_name_of_a_package_resolves(name):
    package = importlib.import_module(f"pipelines.{name}")
    assert package.__all__
    for public in package.__all__:
        assert not isinstance(getattr(package, public), ModuleType), public


@pytest.mark.parametrize("name", PACKAGES)
def test_no_public_name_is_that_of_a_module_of_its_package(name):
    package = importlib.import_module(f"pipelines.{name}")
    modules = {path.stem for path in Path(package.__path__[0]).glob("*.py")}
    assert not modules & set(package.__all__)


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_lists_what_it_exports(name):
    package = importlib.import_module(f"pipelines.{name}")
    tree = ast.parse(Path(package.__file__).read_text())
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"pipelines.{name}.")
        for alias in node.names
    }
    assert imported <= set(package.__all__)


def test_a_name_that_a_package_does_not_export_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"pipelines\.promote.*nothing_like_it"):
        importlib.import_module("pipelines.promote").nothing_like_it  # noqa: B018


def test_no_connection_of_duckdb_prints_its_progress_among_the_json_of_a_command():
    """By default DuckDB 2 writes a bar to the standard output once a query takes two seconds."""
    for file in [*Path(pipelines.__path__[0]).rglob("*.py"), *Path(features.__path__[0]).rglob("*.py")]:
        text = file.read_text()
        assert text.count("duckdb.connect(") == 0 or "hide_progress(" in text, file
    with connect() as ours, scratch_duckdb() as scratch:
        for connection in (ours, scratch):
            assert connection.execute("SELECT current_setting('enable_progress_bar')").fetchall() == [(False,)]
