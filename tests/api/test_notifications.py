"""Who subscribed is notified of each event once, in few messages, whatever is killed in between."""

import asyncio
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from api.errors import Conflict, Invalid, NotFound
from api.housekeeping import every_day
from api.identity import Caller
from api.mail import MailServer
from api.notifications import (
    MailDigest,
    NewSubscription,
    NotificationEvent,
    Notifications,
    NotificationWatch,
    NotificationWork,
)
from api.notifications.delivery import AT_A_TIME, RETRY_AFTER
from api.notifications.digest import DIGEST_EVERY, MOST_SHOWN
from api.notifications.outgoing import lease_mails
from api.notifications.service import MAX_SUBSCRIPTIONS
from api.prompt_pay import prompt_pay_clock
from api.retention import declared_days
from api.reviews import PromptPayAlarm
from api.webhooks import WebhookFanOut
from core import clock
from core.settings import Settings
from tests.api.decisions import DENY, REOPEN, decide, held
from tests.api.mail import (
    ANN,
    BEN,
    deliver,
    delivery,
    mails,
    no_files,
    smtp_server,
    subscribe,
    take_events,
)
from tests.api.makers import Api

OPERATOR = Caller("test", "operator", None, "test")


async def test_a_claim_in_review_is_reported_with_its_id_and_nothing_else_of_it(api: Api):
    async with smtp_server() as box:
        await subscribe(api, "claim.in_review")
        claim_id = await held(api)
        assert await deliver(api, box, console_url="https://claims.insurer.example/") == 1
        ((recipient, message),) = box.received
        text = box.texts()[0]
        assert recipient == ANN
        assert message["Subject"] == f"Ginja: claim {claim_id} (claim.in_review)"
        assert f"https://claims.insurer.example/console/claims/{claim_id}" in text
        for secret in ("M123", "Jane", "5000", "0.9", "H456", "D001", "P001"):
            assert secret not in text + str(message["Subject"])
        (sent,) = await mails(api)
        assert (sent.status, sent.attempts, sent.answer) == ("sent", 1, "250 queued as 4711")
        assert await deliver(api, box) == 0


async def test_only_claims_of_at_least_the_minimum_are_reported_and_only_of_later_ones(api: Api):
    async with smtp_server() as box:
        before = await held(api, service_from="2026-02-01", claim_amount=9000)
        await subscribe(api, "claim.in_review", minimum_cents=500_000)
        await subscribe(api, "claim.in_review", BEN)
        exact = await held(api, service_from="2026-02-02", claim_amount="5000.00")
        below = await held(api, service_from="2026-02-03", claim_amount="4999.99")
        assert await deliver(api, box) == 2
        reported = {recipient: text for (recipient, _), text in zip(box.received, box.texts(), strict=True)}
        assert [claim in reported[ANN] for claim in (before, exact, below)] == [False, True, False]
        assert [claim in reported[BEN] for claim in (before, exact, below)] == [False, True, True]


async def test_a_reopened_claim_is_reported_again_and_a_repeated_event_is_not(api: Api):
    async with smtp_server() as box:
        await subscribe(api, "claim.in_review")
        claim_id = await held(api)
        await decide(api, claim_id, DENY)
        await decide(api, claim_id, REOPEN, role="lead_investigator")
        await deliver(api, box)
        assert box.texts()[0].count(f"claim {claim_id}") == 2
        api.execute(
            "INSERT INTO outbox (topic, entity_key, payload, created_at) SELECT topic, entity_key, payload, created_at "
            "FROM outbox WHERE topic = 'claim.received'"
        )
        with clock.held(clock.now() + DIGEST_EVERY):
            assert await deliver(api, box) == 0


async def test_the_first_event_is_sent_at_once_and_the_next_ones_together(api: Api):
    async with smtp_server() as box:
        at = clock.now()
        ids = []
        with clock.held(at):
            await subscribe(api, "claim.in_review")
            ids.append(await held(api, service_from="2026-02-01"))
            assert await deliver(api, box) == 1
        for number in (2, 3, 4):
            with clock.held(at + timedelta(minutes=1)):
                ids.append(await held(api, service_from=f"2026-02-0{number}"))
                assert await deliver(api, box) == 0
        with clock.held(at + DIGEST_EVERY - timedelta(seconds=1)):
            assert await deliver(api, box) == 0
        with clock.held(at + DIGEST_EVERY):
            assert await deliver(api, box) == 1
        first, bundle = box.texts()
        assert [one in first for one in ids] == [True, False, False, False]
        assert [one in bundle for one in ids] == [False, True, True, True]
        assert "Claims that went to review: 3" in bundle
        assert "3" in box.received[1][1]["Subject"]


async def test_a_bundle_counts_what_it_does_not_list(api: Api):
    async with smtp_server() as box:
        with psycopg.connect(api.url) as connection:
            connection.cursor().executemany(
                "INSERT INTO notifications (recipient, event_id, event, text, occurred_at, created_at) "
                "VALUES (%s, %s, 'claim.in_review', %s, now(), now())",
                [(ANN, f"evt_{number}", f"claim clm_{number}") for number in range(MOST_SHOWN + 1)],
            )
        assert await deliver(api, box) == 1
        assert box.texts()[0].count("claim clm_") == MOST_SHOWN
        assert "and 1 more" in box.texts()[0]
        with clock.held(clock.now() + DIGEST_EVERY):
            assert await deliver(api, box) == 0


async def test_workers_that_bundle_at_once_make_one_message(api: Api):
    async with smtp_server() as box:
        await subscribe(api, "claim.in_review")
        await held(api)
        await take_events(api)
        digests = [MailDigest(api.database, api.dependencies.field_keys, box.settings()) for _ in range(4)]
        made = await asyncio.gather(*(one.step() for one in digests))
        assert sum(made) == 1
        assert api.count("mails") == 1


async def test_a_worker_that_is_killed_while_it_sends_loses_nothing(api: Api):
    """Another sends the message after the lease, under the same Message-ID."""
    async with smtp_server() as box:
        at = clock.now()
        with clock.held(at):
            await subscribe(api, "claim.in_review")
            await held(api)
            await take_events(api)
            await MailDigest(api.database, api.dependencies.field_keys, box.settings()).step()
            async with api.database.transaction() as connection:
                lease = timedelta(seconds=65)
                (leased,) = await lease_mails(connection, clock.now(), lease, RETRY_AFTER, limit=AT_A_TIME)
            sending = delivery(api, box)
            # The server has the message, and the worker is killed before it could store that.
            await MailServer(box.settings()).send(await sending._message(leased))
            assert await deliver(api, box) == 0
        with clock.held(at + timedelta(seconds=65)):
            assert await deliver(api, box) == 1
        assert len(box.received) == 2
        assert len(set(box.ids())) == 1
        assert [one.status for one in await mails(api)] == ["sent"]


async def test_a_due_date_is_reported_when_it_is_near_and_when_it_has_passed_and_not_in_between(api: Api):
    async with smtp_server() as box:
        await subscribe(api, "prompt_pay.due")
        api.execute("UPDATE plans SET line_of_business = 'commercial', state_code = 'NY' WHERE plan_id = 'PL2'")
        claim_id = await held(api)
        settings = box.settings()
        work = NotificationWork(api.database, api.dependencies.field_keys, settings, no_files)
        (due,) = api.rows("SELECT pay_by FROM claims WHERE claim_id = %s", claim_id)[0]
        reported = []
        for days in (-6, -5, -4, 0, 1, 2):
            with clock.held(datetime.combine(due + timedelta(days=days), datetime.min.time(), UTC)):
                alarm = PromptPayAlarm(
                    api.database, prompt_pay_clock(settings), settings.zone, notify=work.take_due_claims
                )
                for _ in range(2):
                    await alarm.check()
                reported.append(await deliver(api, box))
        assert reported == [0, 1, 0, 0, 1, 0]
        assert f"claim {claim_id}: due soon, due on {due}" in box.texts()[0]
        assert f"claim {claim_id}: overdue" in box.texts()[1]


async def test_an_event_that_could_not_be_handled_is_reported_once(api: Api):
    async with smtp_server() as box:
        await subscribe(api, "work.failed")
        api.execute(
            "INSERT INTO dead_letters (position, consumer, topic, entity_key, payload, created_at, attempts, error, "
            "failed_at) VALUES (7, 'features', 'claim.received', 'clm_1', '{}', now(), 8, 'E: member M123', now())"
        )
        for _ in range(2):
            await NotificationWatch(api.database).check()
        assert await deliver(api, box) == 1
        assert "event 7 (claim.received) of features; ginja dead-letters show 7" in box.texts()[0]
        assert "M123" not in box.texts()[0]


async def test_a_task_that_failed_is_reported_once_and_again_when_it_fails_again(api: Api):
    async with smtp_server() as box:
        await subscribe(api, "work.failed")
        api.execute(
            "INSERT INTO tasks (task_id, kind, queue, state, attempts, max_attempts, created_at, due_at, ended_at, "
            "error) VALUES ('tsk_1', 'make_daily_report', 'reports', 'failed', 10, 10, now(), now(), now(), 'M123')"
        )
        for _ in range(2):
            await NotificationWatch(api.database).check()
        assert await deliver(api, box) == 1
        assert "task tsk_1 (make_daily_report) failed after 10 attempts" in box.texts()[0]
        assert "M123" not in box.texts()[0]
        api.execute("UPDATE tasks SET ended_at = ended_at + interval '1 hour'")
        await NotificationWatch(api.database).check()
        with clock.held(clock.now() + DIGEST_EVERY):
            assert await deliver(api, box) == 1


@pytest.mark.parametrize(("reason", "reported"), [("gone", 1), ("failing", 1), ("admin", 0)])
async def test_a_receiver_that_the_platform_disabled_is_reported_and_one_that_a_person_did_is_not(
    api: Api, reason, reported
):
    async with smtp_server() as box:
        await subscribe(api, "webhook_endpoint.disabled")
        api.execute(
            "INSERT INTO webhook_endpoints (endpoint_id, url, events, api_version, status, disabled_reason, "
            "disabled_at, created_at, updated_at) VALUES ('hook_1', 'https://x.example/', '{}', '2026-11-27', "
            f"'disabled', '{reason}', now(), now(), now())"
        )
        await NotificationWatch(api.database).check()
        assert await deliver(api, box) == reported


@pytest.mark.parametrize(
    ("event", "key", "payload", "line"),
    [
        ("model.promoted", "m-2", '{"serving_id": 2, "previous_model_version": "m-1"}', "model m-2"),
        (
            "policy.activated",
            "3",
            '{"version": 3, "kind": "activate", "activation_id": 5}',
            "policy version 3 (activate)",
        ),
        ("edit.suspended", "duplicate", '{"appeal_id": "apl_1"}', "edit duplicate"),
    ],
)
async def test_what_changes_decisions_is_reported(api: Api, event, key, payload, line):
    async with smtp_server() as box:
        await subscribe(api, event)
        api.execute(
            f"INSERT INTO outbox (topic, entity_key, payload, created_at) VALUES ('{event}', '{key}', '{payload}', "
            "clock_timestamp())"
        )
        assert await deliver(api, box) == 1
        assert line in box.texts()[0]


async def test_without_a_mail_server_nothing_is_collected(api: Api):
    await subscribe(api, "claim.in_review")
    await held(api)
    work = NotificationWork(api.database, api.dependencies.field_keys, Settings(), no_files)
    taking = WebhookFanOut(api.database, api.dependencies.field_keys, also=(work.take_events,))
    while await taking.step():
        pass
    assert api.count("notifications") == 0


async def test_subscriptions_are_added_once_listed_removed_and_audited(api: Api):
    service = Notifications(api.database, api.dependencies.field_keys)
    first = await service.add(OPERATOR, NewSubscription(NotificationEvent.CLAIM_IN_REVIEW, "Ann@Insurer.example", 1))
    assert (first.recipient, first.minimum_cents, first.created_by) == ("Ann@insurer.example", 1, "test")
    with pytest.raises(Conflict, match="already"):
        await service.add(OPERATOR, NewSubscription(NotificationEvent.CLAIM_IN_REVIEW, "ann@insurer.example"))
    await service.add(OPERATOR, NewSubscription(NotificationEvent.WORK_FAILED, ANN))
    assert [one.event for one in await service.all()] == ["claim.in_review", "work.failed"]
    await service.remove(OPERATOR, first.subscription_id)
    assert [one.event for one in await service.all()] == ["work.failed"]
    with pytest.raises(NotFound, match="ginja notifications list"):
        await service.remove(OPERATOR, first.subscription_id)
    acts = api.rows(
        "SELECT act, details ->> 'event', details ->> 'recipient_id', details ->> 'minimum_cents' FROM audit_log "
        "WHERE act LIKE 'notification%%' ORDER BY audit_id"
    )
    ((ann,),) = api.rows("SELECT recipient_id FROM recipients")
    assert acts == [
        ("notification_subscription.add", "claim.in_review", ann, "1"),
        ("notification_subscription.add", "work.failed", ann, None),
        ("notification_subscription.remove", "claim.in_review", ann, "1"),
    ]
    assert "insurer.example" not in str(api.rows("SELECT * FROM audit_log"))


@pytest.mark.parametrize(
    ("event", "recipient", "minimum", "field"),
    [
        ("work.failed", ANN, 1, "minimum"),
        ("claim.in_review", ANN, 0, "minimum"),
        ("claim.in_review", ANN, 10_000_000_001, "minimum"),
        ("claim.in_review", "ann", None, "recipient"),
    ],
)
async def test_a_subscription_that_cannot_be_is_refused(api: Api, event, recipient, minimum, field):
    with pytest.raises(Invalid) as refused:
        await Notifications(api.database, api.dependencies.field_keys).add(
            OPERATOR, NewSubscription(NotificationEvent(event), recipient, minimum)
        )
    assert [one.field for one in refused.value.errors] == [field]


async def test_the_number_of_subscriptions_is_bounded(api: Api):
    api.execute(
        "INSERT INTO notification_subscriptions SELECT 'sub_' || n, 'work.failed', 'a' || n || '@x.example', NULL, "
        f"now(), 'test' FROM generate_series(1, {MAX_SUBSCRIPTIONS - 1}) AS n"
    )
    await subscribe(api, "work.failed", "last@x.example")
    with pytest.raises(Conflict, match="remove some"):
        await subscribe(api, "work.failed", "more@x.example")


async def test_old_messages_are_removed_with_what_they_reported(api: Api):
    async with smtp_server() as box:
        await subscribe(api, "claim.in_review")
        await held(api)
        await deliver(api, box)
    day = clock.now().date()
    for later, left in ((declared_days("mails"), 1), (declared_days("mails") + 2, 0)):
        every_day(api.url, day + timedelta(days=later))
        assert (api.count("mails"), api.count("notifications")) == (left, left)
