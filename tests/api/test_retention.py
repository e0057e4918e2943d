"""How long each kind of data is kept is one table, which the daily work carries out."""

import importlib
import io
import json
import pkgutil
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import api as api_package
from api.housekeeping import CONDITIONS, every_day
from api.retention import ALWAYS, RetentionAction, RetentionFileError, RetentionTable, declared_kinds, remove_due, runs
from api.tables import Base
from api.worker import Worker
from cli.main import main
from core import clock
from tests.api.makers import Api

for _module in pkgutil.walk_packages(api_package.__path__, "api."):
    if _module.name.endswith(".tables"):
        importlib.import_module(_module.name)
TABLES = Base.metadata.tables
KINDS = declared_kinds()


def file_of(folder: Path, text: str) -> Path:
    file = folder / "retention.toml"
    file.write_text(text)
    return file


def test_every_table_has_a_kind_of_data_and_every_kind_has_tables():
    assert {table for kind in KINDS.values() for table in kind.tables} == TABLES.keys()


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_a_kind_says_why_it_is_kept_from_when_and_what_a_hold_keeps(kind):
    assert len(kind.basis) > 10
    assert (kind.action is RetentionAction.KEEP) == (kind.days is None)
    assert (kind.start is None) == (kind.days is None)
    columns = TABLES[kind.table].columns
    assert kind.start is None or kind.start in columns
    assert kind.days is None or kind.days >= kind.at_least
    assert (kind.hold is None) == (kind.no_hold is not None)
    assert kind.hold is None or kind.hold[1] in columns


@pytest.mark.parametrize(
    "table", sorted(name for name, one in TABLES.items() if "member_id" in one.columns and name != "users")
)
def test_what_names_a_member_is_kept_under_a_hold(table):
    about_staff = {"api_keys"}
    kinds = [kind for kind in KINDS.values() if table in kind.tables]
    assert table in about_staff or all(kind.hold is not None or kind.days is None for kind in kinds)


def test_conditions_are_of_kinds_of_the_daily_work():
    assert all(KINDS[name].is_daily for name in CONDITIONS)


def replies(api: Api, *ages: int) -> None:
    for age in ages:
        api.rows(
            "INSERT INTO idempotency_keys (api_key_id, key, request_hash, status, body, created_at) "
            "VALUES ('key_1', %s, '\\x00', 201, '\\x00', %s) RETURNING 1",
            f"age {age}",
            clock.now() - timedelta(days=age),
        )


def left(api: Api) -> set[str]:
    return {key for (key,) in api.rows("SELECT key FROM idempotency_keys")}


async def test_another_period_of_a_file_is_the_one_that_is_carried_out(api: Api, tmp_path):
    table = RetentionTable.of(file_of(tmp_path, '[kinds.stored_replies]\ndays = 20\nbasis = "a slow partner"\n'))
    replies(api, 5, 15, 25)
    every_day(api.url, clock.now().date(), retention=table)
    assert left(api) == {"age 5", "age 15"}
    every_day(api.url, clock.now().date())
    assert left(api) == {"age 5"}


async def test_rows_are_removed_in_bounded_batches_and_the_run_says_when_some_are_left(api: Api):
    replies(api, *range(10, 25))
    day = clock.now().date()

    def run() -> tuple[int, bool]:
        with psycopg.connect(api.url, autocommit=True) as connection:
            remove_due(connection, KINDS, CONDITIONS, day, hold_day=day, batch=4, max_batches=2)
            found = runs(connection)["stored_replies"]
        return found.removed, found.complete

    assert [run(), run(), run()] == [(8, False), (7, True), (0, True)]
    assert left(api) == set()


async def test_the_worker_goes_on_with_the_same_day_until_nothing_is_left(
    api: Api, valkey_url: str, monkeypatch: pytest.MonkeyPatch, log_lines: io.StringIO
):
    monkeypatch.setattr("api.housekeeping.remove_due", partial(remove_due, batch=4, max_batches=2))
    replies(api, *range(10, 25))
    worker = Worker(api.dependencies.settings, api.url, valkey_url)
    counts = []
    for _ in range(3):
        await worker._day_work()
        counts.append(len(left(api)))
    for updater in (worker._updater, worker._looker):
        updater.close()
    assert counts == [7, 0, 0]
    warned = [line for line in log_lines.getvalue().splitlines() if "retention incomplete" in line]
    assert len(warned) == 1
    assert "stored_replies" in warned[0]


async def test_events_that_are_done_are_found_by_their_index(api: Api):
    kind, day = KINDS["outbox_events"], clock.now().date()
    with psycopg.connect(api.url, autocommit=True) as connection:
        connection.execute("SET enable_seqscan = off")
        plan = connection.execute(
            "EXPLAIN SELECT FROM outbox WHERE done_at < %s::date - %s::int LIMIT 1000", [day, kind.days]
        ).fetchall()
    assert "outbox_done_at_idx" in str(plan)


async def test_what_is_due_is_exactly_what_a_run_removes(api: Api):
    replies(api, 6, 7, 8, 9)
    day = clock.now().date()
    from api.retention import rows_due

    with psycopg.connect(api.url, autocommit=True) as connection:
        due = {
            kind.name: rows_due(connection, kind, CONDITIONS.get(kind.name, ALWAYS), day, hold_day=day)
            for kind in KINDS.values()
            if kind.is_daily
        }
        removed = {one.kind: one.removed for one in remove_due(connection, KINDS, CONDITIONS, day, hold_day=day)}
    assert removed == due
    assert removed["stored_replies"] == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[kinds.replies]\ndays = 1", "not a kind whose period can be changed; those are outbox_events"),
        ("[kinds.audit_seals]\ndays = 1", "not a kind whose period can be changed"),
        ("[kinds.ended_tasks]\ndays = 1", "not a kind whose period can be changed"),
        ("[kinds.closed_claims]\ndays = 365", "closed_claims.days must be a whole number from 2192 to"),
        ("[kinds.mails]\ndays = 60", "mails.days must be a whole number from 61 to"),
        ("[kinds.reports]\ndays = true", "reports.days must be a whole number"),
        ("[kinds.reports]\ndays = 36526", "reports.days must be a whole number"),
        ("[kinds.reports]\nbasis = ' '", "reports.basis must say why"),
        ("[kinds.reports]\ntables = ['claims']", "may have `days` and `basis` only"),
        ("[kinds.reports]", "may have `days` and `basis` only"),
        ("kinds = 3", "must have tables"),
        ("days = 3", "must have tables"),
        ("days", "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_what_is_allowed(tmp_path, text, message):
    with pytest.raises(RetentionFileError, match=message):
        RetentionTable.of(file_of(tmp_path, text))


@given(days=st.integers(-(10**6), 10**6))
def test_a_period_is_taken_exactly_within_its_bounds(tmp_path_factory, days):
    file = file_of(tmp_path_factory.mktemp("r"), f"[kinds.webhook_deliveries]\ndays = {days}")
    try:
        assert RetentionTable.of(file)["webhook_deliveries"].days == days
    except RetentionFileError:
        assert not 7 <= days <= 36_525
    else:
        assert 7 <= days <= 36_525


async def test_the_command_shows_periods_what_is_due_and_the_last_run(api: Api):
    replies(api, 30, 31)
    shown = CliRunner().invoke(main, ["data", "retention", "--json"], env={"GINJA_DATABASE_URL": api.url})
    kinds = {one["kind"]: one for one in json.loads(shown.stdout)["kinds"]}
    assert kinds.keys() == KINDS.keys()
    replied = kinds["stored_replies"]
    assert (replied["days"], replied["due"], replied["last_day"]) == (7, 2, None)
    assert (kinds["audit_seals"]["days"], kinds["audit_seals"]["due"]) == (None, None)
    assert (kinds["audit_log"]["days"], kinds["audit_log"]["due"]) == (2192, None)
    day = date(2030, 1, 1)
    every_day(api.url, day)
    table = CliRunner().invoke(main, ["data", "retention"], env={"GINJA_DATABASE_URL": api.url})
    assert table.exit_code == 0, table.output
    again = CliRunner().invoke(main, ["data", "retention", "--json"], env={"GINJA_DATABASE_URL": api.url})
    replied = {one["kind"]: one for one in json.loads(again.stdout)["kinds"]}["stored_replies"]
    assert (replied["due"], replied["last_day"], replied["removed"], replied["complete"]) == (0, "2030-01-01", 2, True)
