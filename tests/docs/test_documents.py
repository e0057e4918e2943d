"""README and docs work as written: every block runs in order, in one fresh home.

See docs/adr/0127-documents-are-executed.md.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import servers
from core.embedded import free_port
from tests.docs.runner import EXECUTED, Page, Workplace

ROOT = Path(__file__).parents[2]
FIRST = [
    "docs/start/quickstart.md",
    "README.md",
    "docs/guides/claims-system.md",
    "docs/start/your-claims.md",
    "docs/guides/data-science.md",
]
"""The order in which a newcomer reads; the quickstart starts the platform for all pages. The others follow by name."""
OTHERS = [
    "CONTRIBUTING.md",
    "SECURITY.md",
    *sorted(str(page.relative_to(ROOT)) for page in (ROOT / "docs").rglob("*.md")),
]
PAGES = [*FIRST, *(page for page in OTHERS if page not in FIRST)]
DOCUMENTED_PORTS = {"GINJA_API_PORT": 8600, "GINJA_SCORER_PORT": 8601, "GINJA_MLFLOW_PORT": 8602}


@pytest.fixture(scope="module")
def workplace() -> Iterator[Workplace]:
    """A folder that looks like a clone (what is tracked is linked), a fresh home, and ports of this run."""
    folder = Path(tempfile.mkdtemp(prefix="ginja-documents-"))
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in sorted({path.partition("/")[0] for path in listed.splitlines()}):
        (folder / name).symlink_to(ROOT / name)
    ports = {name: str(free_port()) for name in DOCUMENTED_PORTS}
    environment = {
        "GINJA_HOME": str(folder / ".ginja"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        **ports,
    }
    addresses = {f"127.0.0.1:{DOCUMENTED_PORTS[name]}": f"127.0.0.1:{port}" for name, port in ports.items()}
    workplace = Workplace(folder, environment, addresses)
    with workplace.processes:
        yield workplace
    servers.stop_servers(folder / ".ginja")
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("name", PAGES)
def test_every_block_of_a_page_runs_in_order(workplace: Workplace, name: str) -> None:
    Page(ROOT / name, workplace).run()


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
