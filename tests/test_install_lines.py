"""Every line that says how to install Ginja names this project, and extras that exist."""

import re
import tomllib
from pathlib import Path

import pytest

from core.errors import NotInstalled
from core.version import __version__

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NAME = PROJECT["name"]
WHEEL = f"dist/{NAME.replace('-', '_')}-{__version__}-py3-none-any.whl"
DOCUMENTS = [ROOT / "README.md", ROOT / "Makefile", *sorted((ROOT / "docs").rglob("*.md"))]
_INSTALL = re.compile(
    r"(?:pip install|uv add|uv tool install|pipx install)((?:[ \t]+(?:'[^']*'|\"[^\"]*\"|[^\s`'\"]+))+)"
)
_REQUIREMENT = re.compile(r"(?P<name>[^\[\]]+?)(?:\[(?P<extras>[\w,-]+)\])?")


def requirements(text: str) -> list[str]:
    """What the install commands of a text install, options left out."""
    found = []
    for line in _INSTALL.findall(text):
        found += [word.strip("'\"") for word in re.findall(r"'[^']*'|\"[^\"]*\"|\S+", line) if not word.startswith("-")]
    return found


def faults(requirement: str) -> list[str]:
    """What is wrong with one requirement of ours; those of other projects are not checked."""
    match = _REQUIREMENT.fullmatch(requirement)
    if match is None or not (match["name"] in (".", WHEEL) or "ginja" in match["name"].lower()):
        return []
    unknown = set((match["extras"] or "").split(",")) - {"", *PROJECT["optional-dependencies"]}
    wrong = [f"{requirement}: no extra {name}" for name in sorted(unknown)]
    if match["name"] not in (".", WHEEL):
        wrong.append(f"{requirement}: install from a checkout (.) or {WHEEL}; there is no release")
    return wrong


def texts() -> list[tuple[str, str]]:
    documents = [(str(path.relative_to(ROOT)), path.read_text()) for path in DOCUMENTS]
    return [*documents, ("core/errors.py", str(NotInstalled("Postgres", "GINJA_DATABASE_URL")))]


@pytest.mark.parametrize(("where", "text"), texts(), ids=lambda value: value if len(value) < 80 else "-")
def test_every_install_line_names_this_project_and_extras_that_exist(where, text):
    assert [fault for requirement in requirements(text) for fault in faults(requirement)] == [], where


def test_the_error_and_the_deployment_guide_have_install_lines():
    by_place = dict(texts())
    assert requirements(by_place["core/errors.py"]) == [".[embedded]"]
    assert f"{WHEEL}[features,models,serving]" in requirements(by_place["docs/operate/deployment.md"])


@pytest.mark.parametrize("line", ["ginja", "ginja[embedded]", "ginja-claims", ".[nothing]", "ginja==0.1"])
def test_a_line_that_installs_another_project_or_an_unknown_extra_is_found(line):
    assert faults(line)


def test_the_package_is_not_named_like_the_foreign_project():
    assert NAME == "ginja-claims"
    assert all("ginja[" not in one for extra in PROJECT["optional-dependencies"].values() for one in extra)
