"""Architecture decisions have a number, a title, a status and a date, and the index lists them all."""

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "adr"
RECORDS = sorted(FOLDER.glob("0*.md"))
HEAD = re.compile(
    r"# (?P<number>\d{4}) (?P<title>.+)\n\n"
    r"- Status: (?P<status>(?:accepted|proposed|superseded).*)\n"
    r"- Date: (?P<date>\d{4}-\d\d-\d\d)\n"
)


def row(record: Path) -> str:
    """The row of a record in the index."""
    head = HEAD.match(record.read_text())
    assert head, f"{record.name} must start with a title, a status and a date, as in template.md"
    status = re.sub(r"[\[;(].*", "", head["status"].replace("[0", "0").replace("](", "(")).strip()
    return f"| [{head['number']}]({record.name}) | {head['title']} | {status} | {head['date']} |"


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.stem)
def test_a_record_has_a_title_a_status_and_a_date(record: Path) -> None:
    head = HEAD.match(record.read_text())
    assert head
    assert record.name.startswith(f"{head['number']}-")


def test_the_index_lists_every_record_in_order() -> None:
    index = (FOLDER / "index.md").read_text()
    listed = [line for line in index.splitlines() if line.startswith("| [")]
    assert listed == [row(record) for record in RECORDS], "the rows of docs/adr/index.md should be these"
