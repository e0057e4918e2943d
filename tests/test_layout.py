"""The layout of the repository, and the traps it avoids."""

import ast
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

from cli.tree import COMMANDS

ROOT = Path(__file__).parents[1]
ROOMS = ["api", "claims", "cli", "core", "features", "formats", "models", "pipelines", "serving"]
HEAVY = ["bentoml", "duckdb", "feast", "great_expectations", "mlflow", "numba", "pandas", "psycopg", "redis", "sklearn"]
HEAVY += ["sqlalchemy", "xgboost", "lightgbm", "catboost", "interpret", "fastapi", "numpy", "pyarrow", "reportlab"]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


@cache
def classes() -> list[tuple[str, ast.ClassDef]]:
    """Every class of the packages, with its file."""
    return [
        (str(path.relative_to(ROOT)), node)
        for folder in [*ROOMS, "benchmarks"]
        for path in sorted((ROOT / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
    ]


def python(code: str, *, folder: Path = ROOT, **environment: str) -> str:
    """What a fresh Python prints, started in `folder`."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_is_a_package_of_this_folder_and_of_the_wheel(room):
    assert python(f"import {room}; print({room}.__file__)") == str(ROOT / room / "__init__.py")
    assert room in PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]


def test_mlflow_is_the_library_even_from_the_root_folder():
    """The folder of the same name holds configuration only; one Python file in it would shadow the library."""
    assert list((ROOT / "mlflow").rglob("*.py")) == []
    code = "import importlib.util as u; print(u.find_spec('mlflow').origin)"
    assert Path(python(code)).parts[-2:] == ("mlflow", "__init__.py")
    assert "site-packages" in python(code)


def test_ruff_sorts_mlflow_as_a_library():
    assert "mlflow" in PYPROJECT["tool"]["ruff"]["lint"]["isort"]["known-third-party"]


def test_no_test_folder_is_a_package_that_could_shadow_a_room():
    assert list((ROOT / "tests").rglob("__init__.py")) == []
    options = PYPROJECT["tool"]["pytest"]["ini_options"]
    assert "--import-mode=importlib" in options["addopts"]
    assert options["pythonpath"] == [".", "clients/python/src"]


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], *([*entry.path.split(), "--help"] for entry in COMMANDS)], ids=" ".join
)
def test_the_command_line_starts_without_heavy_imports(arguments):
    code = f"""
import sys
sys.argv = ["ginja", *{arguments!r}]
from cli.main import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print()
print("heavy:", [name for name in {HEAVY!r} if name in sys.modules])
"""
    assert python(code).splitlines()[-1] == "heavy: []"


def test_a_wrong_argument_is_refused_without_heavy_imports_or_settings():
    """So it is refused at once, whatever the command would load."""
    wrong = [[*entry.path.split(), "--nonsense"] for entry in COMMANDS]
    wrong += [["run", "worker", "--metrics-port", "70000"], ["model", "train", "--mapping", "no-such-file"]]
    code = f"""
import sys
from cli.main import main
codes = []
for words in {wrong!r}:
    try:
        main(words)
    except SystemExit as end:
        codes.append(end.code)
print(set(map(int, codes)), len(codes))
print("heavy:", [name for name in {[*HEAVY, "pydantic_settings", "rich"]!r} if name in sys.modules])
"""
    assert python(code).splitlines()[-2:] == [f"{{2}} {len(wrong)}", "heavy: []"]


def test_every_command_of_the_table_can_be_imported():
    """Each entry names a module and a click command in it."""
    from importlib import import_module

    import click

    for entry in COMMANDS:
        module, _, attribute = entry.target.partition(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command), entry


def test_settings_are_the_only_reader_of_the_environment():
    """Settings are declared in `core/settings.py`. Passing the whole environment to a child process is no read."""
    reading = re.compile(r"os\.getenv|os\.environ(\[[^\]]+\](?! *=)|\.get\()|from os import environ")
    readers = {
        str(path.relative_to(ROOT)): found[0]
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        if (found := reading.search(path.read_text())) and not path.is_relative_to(ROOT / "core")
    }
    assert readers == {}


def test_no_module_has_more_than_400_lines():
    long = {
        str(path.relative_to(ROOT)): lines
        for folder in [*ROOMS, "benchmarks", "tests"]
        for path in (ROOT / folder).rglob("*.py")
        if (lines := len(path.read_text().splitlines())) > 400
    }
    assert long == {}


def test_each_public_class_name_is_defined_in_one_file():
    """One name for one concept."""
    places = defaultdict(set)
    for path, node in classes():
        if not node.name.startswith("_"):
            places[node.name].add(path)
    assert {name: files for name, files in places.items() if len(files) > 1} == {}


def test_the_classes_of_tables_end_in_row():
    tables = {node.name for _, node in classes() if "Base" in map(ast.unparse, node.bases)}
    assert tables
    assert {name for name in tables if not name.endswith("Row")} == set()


def test_the_product_has_no_gpu_library_and_no_shap():
    """XGBoost computes the explanations; its GPU collectives are 300 MB that nothing here can use."""
    left_out = {f"nvidia-nccl-{cuda} ; sys_platform == 'never'" for cuda in ("cu12", "cu13")}
    assert set(PYPROJECT["tool"]["uv"]["override-dependencies"]) == left_out
    extras = PYPROJECT["project"]["optional-dependencies"].values()
    product = [*PYPROJECT["project"]["dependencies"], *(one for extra in extras for one in extra)]
    assert not any(requirement.startswith("shap") for requirement in product)


def test_every_link_between_documents_leads_somewhere():
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]
    link = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
    broken = {
        f"{page.relative_to(ROOT)} → {target}"
        for page in pages
        for target in link.findall(page.read_text())
        if not (page.parent / target).exists()
    }
    assert broken == set()
