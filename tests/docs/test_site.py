"""The documentation site builds without a warning and loads nothing from the web."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOADED = re.compile(r"""<(?:script|img|iframe)[^>]*\ssrc=["'](https?:[^"']+)|<link[^>]*\shref=["'](https?:[^"']+)""")


def test_the_site_builds_strictly_and_loads_nothing_from_the_web(tmp_path: Path) -> None:
    built = subprocess.run(
        [
            sys.executable,
            "-m",
            "sphinx",
            "--fail-on-warning",
            "--keep-going",
            "--quiet",
            "docs",
            str(tmp_path / "site"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (built.returncode, built.stderr) == (0, "")
    pages = list((tmp_path / "site").rglob("*.html"))
    assert len(pages) > 80
    assert {page.name: LOADED.findall(page.read_text()) for page in pages if LOADED.search(page.read_text())} == {}


def test_every_file_that_a_document_names_exists() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    files = set(listed.splitlines())
    rooms = {file.partition("/")[0] for file in files if "/" in file}
    named = re.compile(rf"`((?:{'|'.join(map(re.escape, sorted(rooms)))})/[\w./-]+)`")
    documents = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *(ROOT / "docs").rglob("*.md")]
    missing = {
        f"{document.relative_to(ROOT)}: {name}"
        for document in documents
        for name in named.findall(document.read_text())
        if not (ROOT / name).exists()
    }
    assert missing == set()
