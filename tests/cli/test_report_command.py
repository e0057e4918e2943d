"""`ginja report ai-use`."""

import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import click
import pytest
from click.testing import CliRunner

from cli.main import main
from cli.report import quarter_of


@pytest.mark.parametrize(
    ("text", "first", "until"),
    [
        ("2026Q1", datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)),
        ("2026Q4", datetime(2026, 10, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_quarter_ends_where_the_next_begins(text, first, until):
    assert quarter_of(text, UTC) == (first, until)


def test_a_quarter_is_the_insurers():
    first, _ = quarter_of("2026Q3", ZoneInfo("America/New_York"))
    assert first.astimezone(UTC) == datetime(2026, 7, 1, 4, tzinfo=UTC)


@pytest.mark.parametrize("text", ["2026", "2026Q5", "2026Q0", "2026-Q1", "1999Q1", "2026q1"])
def test_a_quarter_that_is_none_is_refused(text):
    with pytest.raises(click.BadParameter, match="2026Q3"):
        quarter_of(text, UTC)


def test_the_report_of_a_database_without_claims_is_all_zero(database_url):
    environment = {"GINJA_DATABASE_URL": database_url}
    done = CliRunner().invoke(main, ["report", "ai-use", "--quarter", "2026Q3", "--json"], env=environment)
    assert done.exit_code == 0
    found = json.loads(done.stdout)
    assert (found["quarter"], found["adverse_without_person"], found["persons"]) == ("2026Q3", 0, [])
    assert [one["basis"] for one in found["automatic"]] == ["contract", "model", "rule"]
    text = CliRunner().invoke(main, ["report", "ai-use", "--quarter", "2026Q3"], env=environment)
    assert "Adverse decisions without a person and off the contract: 0." in text.stdout
