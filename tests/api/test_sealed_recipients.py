"""Addresses of recipients and what is sent to them are encrypted; lines, messages and subscriptions name an id."""

import json
from datetime import timedelta

import pytest

from api.errors import Conflict
from api.field_keys import MAIL_BODY, RECIPIENT_ADDRESS
from api.housekeeping import every_day
from api.identity import Caller
from api.notifications import MailStatus, NewSubscription, NotificationEvent, Notifications, NotificationWatch
from api.notifications.digest import DIGEST_EVERY
from api.retention import declared_days
from core import clock
from tests.api.decisions import held
from tests.api.mail import deliver, mails, smtp_server, subscribe
from tests.api.makers import ENCRYPTION_KEY, Api, running_api
from tests.api.test_identities import crypto
from tests.api.test_key_rotation import Rotator
from tests.core.test_encryption import NEW

DESK = "marchioness.quill@insurer.example"
OPERATOR = Caller("test", "operator", None, "test")
TABLES = ("recipients", "notification_subscriptions", "notifications", "mails", "audit_log")
IN_CLEAR = f"""
    UPDATE notification_subscriptions SET recipient = '{DESK}';
    UPDATE notifications SET recipient = '{DESK}';
    UPDATE mails SET recipient = '{DESK}', subject = 'Ginja: claim', body = 'the text', subject_sealed = NULL,
        body_sealed = NULL;
    DELETE FROM recipients
"""
"""As an earlier release stored it."""


def stored(api: Api) -> str:
    """Everything in the tables of notifications, bytes as text."""
    rows = [one for table in TABLES for row in api.rows(f"SELECT * FROM {table}") for one in row]
    return " ".join(
        bytes(one).decode("latin-1") if isinstance(one, bytes | memoryview) else str(one) for one in rows
    ).lower()


async def dead_letter(api: Api) -> None:
    """A condition that lasts."""
    api.execute(
        "INSERT INTO dead_letters (position, consumer, topic, entity_key, payload, error, attempts, failed_at, "
        "created_at) VALUES (9, 'views', 'claim.received', 'c', '{}', 'e', 3, now(), now())"
    )


async def test_what_is_sent_and_to_whom_is_encrypted_and_arrives(api: Api):
    async with smtp_server() as box:
        await subscribe(api, "claim.in_review", DESK)
        claim_id = await held(api)
        assert await deliver(api, box) == 1
        ((recipient, message),) = box.received
        assert (recipient, claim_id in box.texts()[0]) == (DESK, True)
        kept = stored(api)
        assert DESK not in kept
        assert str(message["Subject"]).lower() not in kept
        assert "you get this because" not in kept
        (shown,) = await mails(api)
        assert (shown.recipient, shown.subject, shown.status) == (DESK, message["Subject"], "sent")
        assert [one.recipient for one in await Notifications(api.database, api.dependencies.field_keys).all()] == [DESK]


async def test_an_answer_of_the_server_is_stored_without_the_address(api: Api):
    async with smtp_server() as box:
        box.to_recipient = f"550 <{DESK.upper()}>: no such user"
        await subscribe(api, "claim.in_review", DESK)
        await held(api)
        await deliver(api, box)
        (shown,) = await mails(api, MailStatus.FAILED)
        assert "the recipient" in str(shown.answer)
        await Notifications(api.database, api.dependencies.field_keys).retry(OPERATOR, shown.mail_id)
        assert DESK not in stored(api)
        box.to_recipient = "250 OK"
        assert await deliver(api, box) == 1
        assert [one for one, _ in box.received] == [DESK]


async def test_an_address_is_one_recipient_however_it_is_written(api: Api):
    await subscribe(api, "claim.in_review", DESK)
    await subscribe(api, "work.failed", DESK.upper())
    assert api.count("recipients") == 1
    with pytest.raises(Conflict, match="already"):
        await subscribe(api, "work.failed", DESK.title())
    await subscribe(api, "work.failed", f"x{DESK}")
    assert api.count("recipients") == 2


async def test_rows_of_an_earlier_release_work_and_encrypting_moves_them(api: Api):
    async with smtp_server() as box:
        await subscribe(api, "claim.in_review", DESK)
        await held(api, service_from="2026-02-01")
        assert await deliver(api, box) == 1
        api.execute(IN_CLEAR)
        with pytest.raises(Conflict, match="already"):
            await subscribe(api, "claim.in_review", DESK.upper())
        with clock.held(clock.now() + DIGEST_EVERY):
            second = await held(api, service_from="2026-02-02")
            assert await deliver(api, box) == 1
        assert (box.received[1][0], second in box.texts()[1]) == (DESK, True)
        assert [one.recipient for one in await mails(api)] == [DESK, DESK]
        counted = json.loads((await crypto(api, "status", "--json")).stdout)["values"]
        names = ("notification_subscriptions.recipient", "notifications.recipient", "mails.recipient", "mails.body")
        assert [counted[one] for one in names] == [1, 2, 2, 1]
        done = await crypto(api, "encrypt")
        assert done.exit_code == 0, done.output
        assert DESK not in stored(api)
        assert "the text" not in stored(api)
        assert api.count("recipients") == 1
        assert [one.recipient for one in await mails(api)] == [DESK, DESK]
        with clock.held(clock.now() + 2 * DIGEST_EVERY):
            await held(api, service_from="2026-02-03")
            assert await deliver(api, box) == 1
        assert box.received[2][0] == DESK
        assert (await crypto(api, "status")).exit_code == 0


async def test_what_was_reported_to_an_address_in_clear_is_not_reported_again_to_its_id(api: Api):
    async with smtp_server() as box:
        await subscribe(api, "work.failed", DESK)
        await dead_letter(api)
        await NotificationWatch(api.database).check()
        api.execute(IN_CLEAR)
        await crypto(api, "encrypt")
        await NotificationWatch(api.database).check()
        assert api.count("notifications") == 1
        assert await deliver(api, box) == 1


async def test_a_rotation_moves_addresses_and_texts_and_keeps_what_was_reported(seeded_url: str):
    async with running_api(seeded_url, encryption_keys=f"{ENCRYPTION_KEY},{NEW}") as api, smtp_server() as box:
        await subscribe(api, "work.failed", DESK)
        await dead_letter(api)
        await NotificationWatch(api.database).check()
        assert await deliver(api, box) == 1
        report = await Rotator(api.url).run()
        assert (report.rows[RECIPIENT_ADDRESS.name], report.rows[MAIL_BODY.name]) == (1, 1)
        async with running_api(api.url, encryption_keys=NEW) as after:
            assert [one.recipient for one in await mails(after)] == [DESK]
            with pytest.raises(Conflict, match="already"):
                await subscribe(after, "work.failed", DESK.upper())
            await NotificationWatch(after.database).check()
            assert after.count("notifications") == 1


async def test_a_message_whose_key_is_lost_fails_and_the_list_says_what_is_lost(api: Api):
    async with smtp_server() as box:
        await subscribe(api, "claim.in_review", DESK)
        await held(api)
        api.execute("UPDATE recipients SET address_sealed = overlay(address_sealed PLACING int4send(4711) FROM 2)")
        assert await deliver(api, box) == 1
        (shown,) = await mails(api, MailStatus.FAILED)
        assert shown.recipient.startswith("lost: ")
        assert "recipients.address_sealed" in str(shown.answer)
        assert box.received == []
        lost = json.loads((await crypto(api, "status", "--json")).stdout)["lost"]
        assert lost == {"recipients.address_sealed": 1}


async def test_a_recipient_is_removed_when_nothing_names_it_any_more(api: Api):
    service = Notifications(api.database, api.dependencies.field_keys)
    new = NewSubscription(NotificationEvent.WORK_FAILED, DESK)
    added = await service.add(OPERATOR, new)
    later = (clock.now() + timedelta(days=declared_days("recipients") + 1)).date()
    every_day(api.url, later)
    assert api.count("recipients") == 1
    await service.remove(OPERATOR, added.subscription_id)
    every_day(api.url, clock.now().date())
    assert api.count("recipients") == 1, "one that was just named stays"
    every_day(api.url, later)
    assert api.count("recipients") == 0
    assert (await service.add(OPERATOR, new)).recipient == DESK
