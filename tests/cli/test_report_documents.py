"""`ginja report daily-decisions` and `ginja report provider-scorecard`."""

import json
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from click.testing import CliRunner

from cli.main import main

DAY = ["report", "daily-decisions", "--day", "2026-03-02"]
SCORECARD = ["report", "provider-scorecard", "--provider", "H456", "--from", "2026-03-01", "--to", "2026-03-31"]


@pytest.fixture
def run(database_url):
    with psycopg.connect(database_url) as connection:
        connection.execute("INSERT INTO providers (provider_id, name, specialty) VALUES ('H456', 'A [b] c', 'surgery')")

    def invoke(*words: str):
        return CliRunner().invoke(main, words, env={"GINJA_DATABASE_URL": database_url})

    return invoke


def test_a_day_without_claims_is_all_zero(run):
    found = json.loads(run(*DAY, "--json").stdout)
    assert (found["day"]["day"], found["day"]["at_receipt"], found["backlog"]["claims"]) == ("2026-03-02", [], 0)
    shown = run(*DAY)
    assert shown.exit_code == 0
    assert "Monday, 2026-03-02" in shown.stdout
    assert "2026-02-23" in shown.stdout


def test_the_day_is_yesterday_unless_another_is_named(run):
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date()
    found = json.loads(run("report", "daily-decisions", "--json").stdout)
    assert found["day"]["day"] in {str(yesterday), str(yesterday + timedelta(days=1))}
    assert found["day"]["complete"] is True


def test_a_scorecard_shows_a_provider_by_name(run):
    shown = run(*SCORECARD)
    assert shown.exit_code == 0
    assert "Provider scorecard: H456, A [b] c" in shown.stdout
    assert json.loads(run(*SCORECARD, "--json").stdout)["provider_id"] == "H456"


@pytest.mark.parametrize("words", [DAY, SCORECARD], ids=["day", "scorecard"])
def test_a_report_is_written_to_a_file(run, words, tmp_path):
    for form, begin in (("pdf", b"%PDF-"), ("csv", b"report,section,row,column,unit,value\n"), ("text", b"")):
        path = tmp_path / f"report.{form}"
        done = run(*words, "--format", form, "--output", str(path))
        assert done.exit_code == 0, done.output
        assert path.read_bytes().startswith(begin)
        assert path.stat().st_size > 500
        assert str(path) in done.stderr
    assert run(*words, "--format", "csv").stdout.encode().startswith(b"report,section,row")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([*DAY, "--format", "pdf"], "name it with --output"),
        ([*DAY, "--format", "csv", "--json"], "leave --format and --output out"),
        (["report", "daily-decisions", "--day", "2999-01-01"], "day: must be a day up to today"),
        ([*SCORECARD[:2], "--provider", "H000", *SCORECARD[4:]], "does not exist"),
        ([*SCORECARD[:-1], "2026-02-01"], "last_day: must be from 2026-03-01"),
        ([*DAY, "--format", "csv", "--output", "/no/such/folder/x.csv"], "cannot be written"),
    ],
)
def test_what_cannot_be_reported_is_refused_in_one_line(run, words, said):
    done = run(*words)
    assert done.exit_code == 2
    assert said in done.stderr
    assert done.stdout == ""
