"""Many events, many recipients and conditions that last: every recipient is notified once, by few statements."""

from datetime import timedelta

import pytest

from api.housekeeping import every_day
from api.notifications import MailDigest, NotificationWatch
from api.notifications.collecting import MOST_OF_A_LOOK, add_due_claims
from api.notifications.digest import DIGEST_EVERY, MOST_LINES, MOST_SHOWN
from api.notifications.service import MAX_SUBSCRIPTIONS
from api.retention import declared_days
from api.reviews import DueClaim
from api.webhooks.fan_out import BATCH
from claims.prompt_pay import PromptPayState
from core import clock
from tests.api.mail import ANN, BEN, deliver, smtp_server, subscribe, take_events
from tests.api.makers import Api


def subscribed(api: Api, event: str, recipients: int) -> None:
    api.execute(
        f"INSERT INTO notification_subscriptions SELECT 'sub_' || n, '{event}', 'a' || n || '@x.example', NULL, "
        f"now() - interval '1 day', 'test' FROM generate_series(1, {recipients}) AS n"
    )


def suspended(api: Api, first: int, last: int) -> None:
    """Events of the outbox."""
    api.execute(
        "INSERT INTO outbox (topic, entity_key, payload, created_at) SELECT 'edit.suspended', 'edit_' || n, "
        f'\'{{"appeal_id": "apl_1"}}\', clock_timestamp() FROM generate_series({first}, {last}) AS n'
    )


def dead_letters(api: Api, first: int, last: int, failed_at: str = "now()") -> None:
    api.execute(
        "INSERT INTO dead_letters (position, consumer, topic, entity_key, payload, created_at, attempts, error, "
        f"failed_at) SELECT n, 'features', 'claim.received', 'clm_' || n, '{{}}', {failed_at}, 8, 'E', {failed_at} "
        f"FROM generate_series({first}, {last}) AS n"
    )


def lines(api: Api, event: str, number: int, recipient: str = ANN) -> None:
    api.execute(
        "INSERT INTO notifications (recipient, event_id, event, text, occurred_at, created_at) "
        f"SELECT '{recipient}', '{event} ' || n, '{event}', 'line ' || n, now() + n * interval '1 millisecond', now() "
        f"FROM generate_series(1, {number}) AS n"
    )


def due(number: int) -> list[DueClaim]:
    day = clock.now().date()
    return [
        DueClaim(f"clm_{one}", "commercial", "NY", day, 0, PromptPayState.DUE_SOON, 0) for one in range(1, number + 1)
    ]


async def test_a_batch_of_events_for_many_recipients_takes_as_many_statements_as_one_for_one(api: Api, sent_statements):
    await subscribe(api, "edit.suspended")
    suspended(api, 1, 1)
    await take_events(api)
    sent_statements.clear()
    suspended(api, 2, 2)
    await take_events(api)
    of_one = len(sent_statements)
    subscribed(api, "edit.suspended", MAX_SUBSCRIPTIONS - 1)
    sent_statements.clear()
    suspended(api, 3, 2 + BATCH)
    await take_events(api)
    assert len(sent_statements) == of_one
    assert api.count("notifications") == 2 + BATCH * MAX_SUBSCRIPTIONS


async def test_due_claims_are_added_by_one_statement_and_those_beyond_a_look_at_the_next(api: Api, sent_statements):
    subscribed(api, "prompt_pay.due", 100)
    many = due(MOST_OF_A_LOOK // 100 + 1)
    added = []
    for _ in range(3):
        sent_statements.clear()
        async with api.database.transaction() as connection:
            await add_due_claims(connection, many, clock.now())
        assert len([one for one in sent_statements if "INSERT" in one]) == 1
        added.append(api.count("notifications"))
    assert added == [MOST_OF_A_LOOK, MOST_OF_A_LOOK + 100, MOST_OF_A_LOOK + 100]


async def test_conditions_beyond_a_look_are_reported_at_the_next(api: Api, sent_statements):
    subscribed(api, "work.failed", 100)
    dead_letters(api, 1, MOST_OF_A_LOOK // 100 + 1)
    added = []
    for _ in range(3):
        await NotificationWatch(api.database).check()
        added.append(api.count("notifications"))
    assert added == [MOST_OF_A_LOOK, MOST_OF_A_LOOK + 100, MOST_OF_A_LOOK + 100]


async def test_conditions_that_were_reported_do_not_hide_those_behind_them(api: Api):
    """A look has room for the new ones however many old ones last."""
    await subscribe(api, "work.failed")
    dead_letters(api, 1, MOST_OF_A_LOOK)
    await NotificationWatch(api.database).check()
    dead_letters(api, MOST_OF_A_LOOK + 1, MOST_OF_A_LOOK + 1)
    api.execute(
        "INSERT INTO tasks (task_id, kind, queue, state, attempts, max_attempts, created_at, due_at, ended_at, error) "
        "VALUES ('tsk_1', 'make_daily_report', 'reports', 'failed', 10, 10, now(), now(), now(), 'E')"
    )
    await NotificationWatch(api.database).check()
    reported = {row[0] for row in api.rows("SELECT text FROM notifications")}
    assert any(f"dead-letters show {MOST_OF_A_LOOK + 1}" in one for one in reported)
    assert any("tasks show tsk_1" in one for one in reported)


async def test_a_condition_that_lasts_is_reported_once_however_long(api: Api):
    """Looks and clean-ups of months: when a line is removed, its condition is too old to be reported."""
    await subscribe(api, "work.failed")
    await subscribe(api, "webhook_endpoint.disabled")
    dead_letters(api, 1, 1, "now() - interval '59 days'")
    api.execute(
        "INSERT INTO webhook_endpoints (endpoint_id, url, events, api_version, status, disabled_reason, disabled_at, "
        "created_at, updated_at) VALUES ('hook_1', 'https://x.example/', '{}', '2026-11-27', 'disabled', 'gone', "
        "now(), now(), now())"
    )
    await subscribe(api, "prompt_pay.due")
    (claim,) = due(1)
    begin, reported = clock.now(), set()
    for days in range(0, 2 * declared_days("mails"), 5):
        with clock.held(begin + timedelta(days=days)):
            async with api.database.transaction() as connection:
                await add_due_claims(connection, [claim], clock.now())
            await NotificationWatch(api.database).check()
            reported |= set(api.rows("SELECT event_id, created_at FROM notifications"))
            every_day(api.url, clock.now().date())
    assert {created_at for _, created_at in reported} == {begin}
    assert len(reported) == 3
    assert api.count("notifications") == 0


async def test_a_message_has_all_that_waits_for_its_recipient_what_is_rare_first(api: Api, sent_statements):
    lines(api, "claim.in_review", 5_000)
    lines(api, "work.failed", 1)
    async with smtp_server() as box:
        sent_statements.clear()
        assert await MailDigest(api.database, api.dependencies.field_keys, box.settings()).step() == 1
        assert len([one for one in sent_statements if "UPDATE notifications" in one]) == 1
        await deliver(api, box)
        ((_, message),), (text,) = box.received, box.texts()
        assert message["Subject"] == "Ginja: 5,001 notifications"
        assert text.index("could not be handled: 1") < text.index("went to review: 5,000")
        assert f"and {5_000 - MOST_SHOWN:,} more" in text
        with clock.held(clock.now() + DIGEST_EVERY):
            assert await deliver(api, box) == 0


async def test_lines_beyond_those_of_a_message_are_of_the_last_heading_and_come_with_the_next(api: Api):
    lines(api, "claim.in_review", MOST_LINES)
    lines(api, "work.failed", 1)
    async with smtp_server() as box:
        digest = MailDigest(api.database, api.dependencies.field_keys, box.settings())
        assert [await digest.step() for _ in range(2)] == [1, 0]
        assert api.rows("SELECT event, count(*) FROM notifications WHERE mail_id IS NULL GROUP BY 1") == [
            ("claim.in_review", 1)
        ]
        with clock.held(clock.now() + DIGEST_EVERY):
            assert await digest.step() == 1
        assert api.rows("SELECT count(*) FROM notifications WHERE mail_id IS NULL") == [(0,)]


async def test_a_recipient_whose_message_cannot_be_made_does_not_stop_the_others(api: Api):
    lines(api, "work.failed", 1, ANN)
    lines(api, "work.failed", 1, BEN)
    api.execute(f"ALTER TABLE mails ADD CONSTRAINT refused CHECK (recipient <> '{ANN}')")
    async with smtp_server() as box:
        with pytest.raises(Exception, match="refused"):
            await MailDigest(api.database, api.dependencies.field_keys, box.settings()).step()
    assert api.rows("SELECT recipient FROM mails") == [(BEN,)]
    assert api.rows("SELECT recipient FROM notifications WHERE mail_id IS NULL") == [(ANN,)]
