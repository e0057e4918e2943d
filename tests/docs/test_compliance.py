"""The page on compliance: each line of its tables names evidence that exists, or says that there is none."""

import re
from pathlib import Path

import click
import pytest

from cli.main import main

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "compliance.md"
NONE = "not there"


def table_lines() -> list[list[str]]:
    """The cells of each line of each table, without heads."""
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    cells = [[one.strip() for one in row.strip("|").split(" | ")] for row in rows]
    return [one for one in cells if one[-1] != "the insurer"]


LINES = table_lines()
each = pytest.mark.parametrize("line", LINES, ids=[line[0][:40] for line in LINES])


def is_command(words: list[str]) -> bool:
    command: click.Command | None = main
    for word in words:
        command = command.get_command(click.Context(command), word) if isinstance(command, click.Group) else None
    return command is not None


@each
def test_a_line_has_evidence_or_says_that_there_is_none(line: list[str]) -> None:
    assert len(line) == 4
    _, what, evidence, insurer = line
    assert (evidence == "–") == what.startswith(NONE)
    assert insurer
    if what.startswith(NONE):
        assert insurer != "–", "what the platform does not do is left to the insurer"


@each
def test_evidence_exists(line: list[str]) -> None:
    for one in re.findall(r"`([^`]+)`", line[2]):
        program, *words = one.split()
        if program == "ginja":
            assert is_command(words), one
        elif program == "make":
            assert re.search(rf"^{words[0]}:", (ROOT / "Makefile").read_text(), re.MULTILINE), one
        else:
            assert (ROOT / one).is_file(), one


LIMITS = ["not legal advice", "up to 5 July 2026", "no line says that an installation complies"]


@pytest.mark.parametrize("words", LIMITS)
def test_the_page_states_its_limits(words: str) -> None:
    assert words in PAGE.read_text()


DATES = ["2 December 2027", "29 June 2026", "SB 26-189, signed on 14 May 2026", "1 January 2027", "1 July 2026"]


@pytest.mark.parametrize("date", DATES)
def test_the_page_states_when_texts_apply(date: str) -> None:
    assert date in PAGE.read_text()


@pytest.mark.parametrize("law", ["HIPAA", "GDPR", "Data residency and consent", "EU AI Act", "Colorado", "NAIC"])
def test_each_law_has_a_table(law: str) -> None:
    section = re.search(rf"^## {law}.*?(?=^## |\Z)", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert section is not None
    assert section[0].count("\n| ") >= 3
