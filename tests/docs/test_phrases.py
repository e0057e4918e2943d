"""Phrases that the project does not use; single words are checked by codespell with docs/words.txt."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
PHRASES = {
    "without fear": "safely",
    "for want of": "for lack of, because there is no",
    "out of wheels": "installed as Python wheels",
    "number that is none": "not a number",
    "quick enough": "within the latency budget",
    "put right": "fixed, corrected",
}
"""Phrase → what to write instead."""


def test_no_file_uses_a_disallowed_phrase() -> None:
    phrase = re.compile(rf"\b({'|'.join(PHRASES)})\b", re.IGNORECASE)
    listed = subprocess.run(
        ["git", "ls-files", "*.py", "*.md", "*.html", "*.toml", "Makefile"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = {
        f"{name}:{number}: {match[1]}: write {PHRASES[match[1].lower()]}"
        for name in listed.splitlines()
        if ROOT / name != Path(__file__) and (ROOT / name).is_file()
        for number, line in enumerate((ROOT / name).read_text().splitlines(), start=1)
        for match in phrase.finditer(line)
    }
    assert found == set()
