"""What a room imports, also lazily, is installed with it: in images and servers that have no other room's libraries."""

import ast
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
LOCK: dict[str, dict[str, Any]] = {one["name"]: one for one in tomllib.loads((ROOT / "uv.lock").read_text())["package"]}
OURS = {"api", "claims", "cli", "core", "features", "formats", "models", "pipelines", "serving"}
DISTRIBUTIONS = packages_distributions()
EXTRAS = {"api/task_process.py": "tasks", "api/tasks/broker.py": "tasks"}
"""Modules that only processes with an extra import."""


def installed(extra: str | None) -> set[str]:
    """The distributions that `pip install ginja-claims`, or with an extra, brings."""
    project = LOCK["ginja-claims"]
    needed = [*project["dependencies"], *(project["optional-dependencies"][extra] if extra else ())]
    found: set[str] = set()
    while needed:
        one = needed.pop()
        package = LOCK[one["name"]]
        further = [other for name in one.get("extra", ()) for other in package.get("optional-dependencies", {})[name]]
        needed += further
        if one["name"] not in found:
            found.add(one["name"])
            needed += package.get("dependencies", [])
    return found


def imported(module: Path) -> set[str]:
    """The distributions that a module imports, also within functions."""
    names = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            names |= {one.name.partition(".")[0] for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    names -= OURS | sys.stdlib_module_names
    return {one.lower().replace("_", "-") for name in names for one in DISTRIBUTIONS.get(name, [name])}


@pytest.mark.parametrize("room", ["api", "claims", "formats"])
def test_a_room_imports_only_what_is_installed_with_the_api(room: str):
    missing = {
        (str(module.relative_to(ROOT)), name)
        for module in sorted((ROOT / room).rglob("*.py"))
        for name in imported(module) - installed(EXTRAS.get(str(module.relative_to(ROOT))))
    }
    assert missing == set()


def test_a_library_of_another_extra_is_found_missing():
    assert "pyarrow" in imported(ROOT / "api" / "exports" / "parquet.py")
    assert "feast" not in installed(None)
    assert {"celery", "pyarrow"} <= installed("tasks")
