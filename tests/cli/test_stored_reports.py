"""`ginja report list` and `ginja report save`."""

import asyncio
import json
from datetime import date
from typing import get_args

import pytest
from click.testing import CliRunner

from api.database import Database
from api.field_keys import FieldKeys
from api.reports import make_daily_decisions
from api.reports.kinds import ReportKind, ReportKindName
from cli.main import main
from cli.stored_reports import list_
from core.settings import Settings


@pytest.fixture
def run(database_url):
    def invoke(*words: str):
        return CliRunner().invoke(main, ["report", *words], env={"GINJA_DATABASE_URL": database_url})

    return invoke


@pytest.fixture
def report_id(database_url) -> str:
    """Of a report on a day without claims."""

    async def make() -> str:
        database = Database(database_url, pool_size=1)
        (made,) = await make_daily_decisions(
            database, FieldKeys(Settings(), database_url), Settings(), date(2026, 3, 2)
        )
        await database.close()
        return made

    return asyncio.run(make())


def test_reports_that_were_made_are_listed(run, report_id):
    (found,) = json.loads(run("list", "--json").stdout)["reports"]
    assert (found["report_id"], found["kind"], found["last_day"]) == (report_id, "daily_decisions", "2026-03-02")
    assert json.loads(run("list", "--kind", "provider_scorecard", "--json").stdout) == {"reports": []}
    assert "Daily decisions" in run("list").stdout


def test_the_command_knows_every_kind_of_report():
    (choice,) = [one.type for one in list_.params if one.name == "kind"]
    assert list(choice.choices) == [one.value for one in ReportKind] == list(get_args(ReportKindName))


def test_the_file_of_a_report_is_written(run, report_id, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "daily-decisions-2026-03-02.pdf" in run("save", report_id).stdout
    assert (tmp_path / "daily-decisions-2026-03-02.pdf").read_bytes().startswith(b"%PDF-")
    path = tmp_path / "day.csv"
    written = json.loads(run("save", report_id, "--format", "csv", "--output", str(path), "--json").stdout)
    assert written == {"report_id": report_id, "file": str(path), "bytes": path.stat().st_size}
    assert path.read_bytes().startswith(b"report,section,row")


def test_what_cannot_be_saved_is_refused_in_one_line(run, report_id):
    done = run("save", "rep_1")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "ginja report list" in done.stderr
    assert "cannot be written" in run("save", report_id, "--output", "/no/such/folder/x.pdf").stderr
