"""Reports of the schedule are made once, stored with their files, and sent once to each subscriber."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from api.housekeeping import every_day
from api.notifications import Notifications
from api.reports import (
    attachments_of,
    make_daily_decisions,
    make_scorecards,
    scheduled,
)
from api.reports.scheduled import MOST_SCORECARDS
from api.reports.scorecard import provider_scorecard
from api.retention import declared_days
from api.tasks import TASK_KINDS, TaskBeat
from api.tasks.runner import run_task
from claims.service_days import receipt_day
from core import clock
from core.settings import Settings
from tests.api.decisions import approved, held
from tests.api.mail import ANN, BEN, SENDER, delivery, smtp_server, subscribe
from tests.api.makers import Api
from tests.api.tasks import services_of

SETTINGS = Settings(smtp_host="127.0.0.1", smtp_tls="none", mail_from=SENDER)
WITHOUT_SERVER = Settings()


def yesterday():
    return receipt_day(clock.now(), SETTINGS.zone) - timedelta(days=1)


async def sent(api: Api, box) -> int:
    """Send what is due with the files of reports; returns how many were tried."""
    sending = delivery(api, box, attachments=attachments_of)
    return await sending.step()


async def test_the_daily_report_is_stored_and_sent_with_its_files(api: Api):
    async with smtp_server() as box:
        await subscribe(api, "report.daily_decisions")
        await subscribe(api, "report.daily_decisions", BEN)
        (report_id,) = await make_daily_decisions(api.database, api.dependencies.field_keys, SETTINGS, yesterday())
        assert api.rows("SELECT kind, first_day, last_day, report_id FROM reports") == [
            ("daily_decisions", yesterday(), yesterday(), report_id)
        ]
        assert await sent(api, box) == 2
        assert {recipient for recipient, _ in box.received} == {ANN, BEN}
        message = box.received[0][1]
        assert message["Subject"] == f"Ginja: decisions of {yesterday()}"
        files = {one.get_filename(): one.get_payload(decode=True) for one in message.iter_attachments()}
        assert set(files) == {f"daily-decisions-{yesterday()}.{form}" for form in ("pdf", "csv")}
        assert files[f"daily-decisions-{yesterday()}.pdf"].startswith(b"%PDF-")
        assert files[f"daily-decisions-{yesterday()}.csv"].startswith(b"report,section,row")


async def test_a_report_that_is_asked_for_again_or_at_once_is_made_and_sent_once(api: Api):
    await subscribe(api, "report.daily_decisions")
    made = await asyncio.gather(
        *(make_daily_decisions(api.database, api.dependencies.field_keys, SETTINGS, yesterday()) for _ in range(3))
    )
    again = await make_daily_decisions(api.database, api.dependencies.field_keys, SETTINGS, yesterday())
    stored = [row[0] for row in api.rows("SELECT report_id FROM reports")]
    assert len(stored) == 1
    assert [*made, again] == [stored] * 4
    assert api.count("mails") == 1


async def test_without_subscribers_a_report_is_stored_and_nothing_is_sent(api: Api):
    await make_daily_decisions(api.database, api.dependencies.field_keys, SETTINGS, yesterday())
    assert (api.count("reports"), api.count("mails")) == (1, 0)


async def test_without_a_mail_server_reports_are_stored_and_no_message_waits_for_one(api: Api, log_lines):
    await subscribe(api, "report.daily_decisions")
    await subscribe(api, "report.provider_scorecards")
    await held(api)
    await make_daily_decisions(api.database, api.dependencies.field_keys, WITHOUT_SERVER, yesterday())
    await make_scorecards(api.database, api.dependencies.field_keys, WITHOUT_SERVER, yesterday() + timedelta(days=1))
    assert (api.count("reports"), api.count("mails")) == (2, 0)
    assert log_lines.getvalue().count("report is not mailed, GINJA_SMTP_HOST is not set") == 2


async def test_scorecards_are_of_the_providers_with_flagged_claims_of_the_week(api: Api):
    async with smtp_server() as box:
        await subscribe(api, "report.provider_scorecards")
        for day, provider in ((1, "H456"), (2, "H457"), (3, "H457")):
            await held(api, provider_id=provider, service_from=f"2026-02-0{day}")
        await approved(api, service_from="2026-02-04")
        last_day = yesterday() + timedelta(days=1)
        assert len(await make_scorecards(api.database, api.dependencies.field_keys, SETTINGS, last_day)) == 2
        assert api.rows("SELECT provider_id FROM reports ORDER BY 1") == [("H456",), ("H457",)]
        assert await sent(api, box) == 1
        (text,), message = box.texts(), box.received[0][1]
        assert text.index("- H457") < text.index("- H456")
        assert [one.get_filename() for one in message.iter_attachments()] == [
            f"provider-scorecard-{provider}-{last_day}.pdf" for provider in ("H456", "H457")
        ]
        assert len(await make_scorecards(api.database, api.dependencies.field_keys, SETTINGS, last_day)) == 2
        assert (api.count("reports"), api.count("mails")) == (2, 1)


async def test_an_attempt_that_was_ended_leaves_scorecards_and_the_next_one_makes_the_others_and_sends_all(
    api: Api, monkeypatch
):
    async with smtp_server() as box:
        await subscribe(api, "report.provider_scorecards")
        for day, provider in ((1, "H456"), (2, "H457"), (3, "H457")):
            await held(api, provider_id=provider, service_from=f"2026-02-0{day}")
        last_day, asked = yesterday() + timedelta(days=1), []

        async def ended(database, settings, provider_id, *period):
            asked.append(provider_id)
            if len(asked) == 2:
                raise asyncio.CancelledError
            return await provider_scorecard(database, settings, provider_id, *period)

        monkeypatch.setattr(scheduled, "provider_scorecard", ended)
        with pytest.raises(asyncio.CancelledError):
            await make_scorecards(api.database, api.dependencies.field_keys, SETTINGS, last_day)
        assert api.rows("SELECT provider_id FROM reports") == [("H457",)]
        assert api.count("mails") == 0
        made = await make_scorecards(api.database, api.dependencies.field_keys, SETTINGS, last_day)
        assert asked == ["H457", "H456", "H456"]
        assert sorted(made) == [row[0] for row in api.rows("SELECT report_id FROM reports ORDER BY 1")]
        assert await sent(api, box) == 1
        assert len(list(box.received[0][1].iter_attachments())) == 2


async def test_scorecards_that_are_made_at_once_are_stored_and_sent_once_and_each_gets_their_ids(api: Api):
    await subscribe(api, "report.provider_scorecards")
    for day, provider in ((1, "H456"), (2, "H457")):
        await held(api, provider_id=provider, service_from=f"2026-02-0{day}")
    last_day = yesterday() + timedelta(days=1)
    made = await asyncio.gather(
        *(make_scorecards(api.database, api.dependencies.field_keys, SETTINGS, last_day) for _ in range(3))
    )
    stored = [row[0] for row in api.rows("SELECT report_id FROM reports ORDER BY 1")]
    assert [sorted(one) for one in made] == [stored] * 3
    assert (len(stored), api.count("mails")) == (2, 1)


async def test_a_week_without_flags_has_no_scorecards_and_no_message(api: Api):
    await subscribe(api, "report.provider_scorecards")
    await approved(api)
    assert (
        await make_scorecards(api.database, api.dependencies.field_keys, SETTINGS, yesterday() + timedelta(days=1))
        == []
    )
    assert (api.count("reports"), api.count("mails")) == (0, 0)


async def test_a_week_has_a_bounded_number_of_scorecards(api: Api):
    claim_id = await held(api)
    api.execute("INSERT INTO providers (provider_id) SELECT 'X' || n FROM generate_series(1, 25) AS n")
    api.execute(
        "INSERT INTO claims (claim_id, received_at, service_from, service_to, provider_id, amount_cents, status,"
        " source)"
        " SELECT 'c' || n, now(), now(), now(), 'X' || n, 100, 'in_review', 'api' FROM generate_series(1, 25) AS n"
    )
    api.execute(
        "INSERT INTO assessments (assessment_id, claim_id, made_at, decided_by, breaker_state, outcome, approved_cents,"
        " flagged, findings, reasons) SELECT 'a' || n, 'c' || n, now(), 'rule', 'closed', 'in_review', 0, true, '[]',"
        " '[]' FROM generate_series(1, 25) AS n"
    )
    assert (
        len(await make_scorecards(api.database, api.dependencies.field_keys, SETTINGS, yesterday() + timedelta(days=1)))
        == MOST_SCORECARDS
    )
    assert claim_id


@pytest.mark.parametrize(("later", "left"), [(declared_days("reports"), 1), (declared_days("reports") + 2, 0)])
async def test_reports_are_kept_for_a_year(api: Api, later, left):
    await make_daily_decisions(api.database, api.dependencies.field_keys, SETTINGS, yesterday())
    every_day(api.url, clock.now().date() + timedelta(days=later))
    assert api.count("reports") == left


async def test_a_message_whose_report_is_removed_is_sent_without_it(api: Api):
    async with smtp_server() as box:
        await subscribe(api, "report.daily_decisions")
        await make_daily_decisions(api.database, api.dependencies.field_keys, SETTINGS, yesterday())
        api.execute("DELETE FROM reports")
        assert await sent(api, box) == 1
        assert list(box.received[0][1].iter_attachments()) == []
        assert [
            one.status
            for one in await Notifications(api.database, api.dependencies.field_keys).mails(status=None, limit=9)
        ] == ["sent"]


async def carried_out(api: Api, settings: Settings, at: datetime) -> None:
    """Add the tasks of the schedule that are due, by two workers, and carry them out."""
    with clock.held(at):
        for beat in [TaskBeat(api.database, api.dependencies.field_keys, zone=settings.zone) for _ in range(2)]:
            await beat.step()
    services = replace(services_of(api), settings=settings)
    for task_id, kind in api.rows("SELECT task_id, kind FROM tasks WHERE kind LIKE 'make%%' AND state = 'queued'"):
        await run_task(services, TASK_KINDS[kind], task_id)


@pytest.mark.parametrize(
    ("zone", "at", "day", "week"),
    [
        ("UTC", "2026-03-02T00:04:59", "2026-02-28", "2026-02-22"),
        ("UTC", "2026-03-02T00:05:00", "2026-03-01", "2026-02-22"),
        ("UTC", "2026-03-02T00:10:00", "2026-03-01", "2026-03-01"),
        ("UTC", "2026-03-03T12:00:00", "2026-03-02", "2026-03-01"),
        ("Africa/Nairobi", "2026-03-01T21:04:59", "2026-02-28", "2026-02-22"),
        ("Africa/Nairobi", "2026-03-01T21:10:00", "2026-03-01", "2026-03-01"),
        ("America/New_York", "2026-03-02T04:00:00", "2026-02-28", "2026-02-22"),
    ],
)
async def test_reports_are_made_after_midnight_of_the_insurer(api: Api, zone, at, day, week):
    claim_id = await held(api)
    api.execute(f"UPDATE claims SET received_at = '{week}T12:00:00Z' WHERE claim_id = '{claim_id}'")
    await carried_out(api, Settings(time_zone=zone), datetime.fromisoformat(at).replace(tzinfo=UTC))
    made = dict(api.rows("SELECT kind, last_day::text FROM reports"))
    assert made == {"daily_decisions": day, "provider_scorecard": week}
    results = dict(api.rows("SELECT kind, result -> 'reports' ->> 0 FROM tasks WHERE state = 'succeeded'"))
    assert sorted(results.values()) == sorted(row[0] for row in api.rows("SELECT report_id FROM reports"))


async def test_a_task_that_was_killed_after_its_report_was_stored_makes_no_second_one(api: Api):
    await subscribe(api, "report.daily_decisions")
    at = datetime(2026, 3, 2, 6, tzinfo=UTC)
    await carried_out(api, SETTINGS, at)
    api.execute(
        "UPDATE tasks SET state = 'queued', ended_at = NULL, attempts = 1, payload = convert_to("
        "'{\"due\": \"2026-03-02T00:05:00+00:00\"}', 'UTF8') WHERE kind = 'make_daily_report'"
    )
    await carried_out(api, SETTINGS, at)
    assert api.rows("SELECT state FROM tasks WHERE kind = 'make_daily_report'") == [("succeeded",)]
    assert (api.count("reports"), api.count("mails")) == (1, 1)
