"""README and docs work as written: every block of a page runs in order, in a fresh home.

See docs/adr/0127-documents-are-executed.md.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

import pytest

from core import servers
from core.embedded import free_port
from models import registry
from models.registry import MlflowStore
from tests.docs.runner import EXECUTED, Documents, Page, Workplace, page_continued
from tests.places import homes

ROOT = Path(__file__).parents[2]
PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    *sorted(str(page.relative_to(ROOT)) for page in (ROOT / "docs").rglob("*.md")),
]
CONTINUED = {name: page_continued(ROOT / name) for name in PAGES}
DOCUMENTED_PORTS = {"GINJA_API_PORT": 8600, "GINJA_SCORER_PORT": 8601, "GINJA_MLFLOW_PORT": 8602}


@contextmanager
def workplace() -> Iterator[Workplace]:
    """A folder that looks like a clone (what is tracked is linked), a fresh home, and ports of this run."""
    folder = Path(tempfile.mkdtemp(prefix="ginja-documents-", dir=homes()))
    for name in tracked():
        (folder / name).symlink_to(ROOT / name)
    ports = {name: str(free_port()) for name in DOCUMENTED_PORTS}
    environment = {
        "GINJA_HOME": str(folder / ".ginja"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        **ports,
    }
    addresses = {f"127.0.0.1:{DOCUMENTED_PORTS[name]}": f"127.0.0.1:{port}" for name, port in ports.items()}
    opened = Workplace(folder, environment, addresses)
    with opened.processes:
        yield opened
    servers.stop_servers(folder / ".ginja")
    shutil.rmtree(folder, ignore_errors=True)


@cache
def tracked() -> list[str]:
    """What is tracked at the top of the checkout."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return sorted({path.partition("/")[0] for path in listed.splitlines()})


@pytest.fixture(scope="module")
def documents() -> Iterator[Documents]:
    with ExitStack() as opened:
        yield Documents(ROOT, workplace, opened)


@pytest.mark.parametrize("name", PAGES)
def test_every_block_of_a_page_runs_in_a_fresh_home_or_after_the_page_it_continues(
    documents: Documents, name: str
) -> None:
    documents.execute(name, continued=name in CONTINUED.values())


def test_a_page_continues_only_one_that_starts_fresh_and_that_it_links_to() -> None:
    wrong = []
    for name, first in CONTINUED.items():
        if first is None:
            continue
        links = re.findall(r"\]\(([^)#]+\.md)", (ROOT / name).read_text())
        if first not in PAGES or CONTINUED[first] is not None:
            wrong.append(f"{name}: {first} is no page that starts in a fresh home")
        elif (ROOT / first).resolve() not in {((ROOT / name).parent / link).resolve() for link in links}:
            wrong.append(f"{name} continues {first} without a link to it")
    assert wrong == []


def test_a_block_does_not_inherit_the_store_that_this_process_uses(tmp_path: Path) -> None:
    """MLflow's client sets variables for child processes; a block's own tracking URI would not count."""
    store = MlflowStore.of(tmp_path / "home")
    registry.aliases(store)
    assert os.environ["MLFLOW_REGISTRY_URI"] == store.url
    page = tmp_path / "page.md"
    page.write_text(
        "```python\nimport os\nassert not [name for name in os.environ if name.startswith('MLFLOW_')]\n```\n"
    )
    folder = tmp_path / "workplace"
    folder.mkdir()
    (outcome,) = Page(page, Workplace(folder, {}, {})).run()
    assert (outcome.language, outcome.skipped) == ("python", None)


def test_every_skipped_block_states_the_reason() -> None:
    unexplained = [
        f"{name}: {marker}"
        for name in PAGES
        for marker in re.findall(r"<!-- *skip:.*?-->", (ROOT / name).read_text())
        if not re.fullmatch(r'<!-- skip: next "[^"]{10,}" -->', marker)
    ]
    assert unexplained == []


def test_every_page_shows_commands_only_in_blocks_that_are_executed() -> None:
    """A `ginja` or `curl` line in a block of another language would never be run."""
    block = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
    stray = [
        f"{name}: {line}"
        for name in PAGES
        if not (ROOT / name).read_text().partition("\n\n")[2].startswith("Generated from the code")
        for language, source in block.findall((ROOT / name).read_text())
        if language not in EXECUTED
        for line in source.splitlines()
        if re.match(r"(\$ )?(ginja|curl|make|docker|uv|pip) ", line)
    ]
    assert stray == []
