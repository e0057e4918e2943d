"""What becomes of messages: tries over a day, refusals, and answers that are stored whatever their bytes."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from api import metrics
from api.mail import MailAttachment
from api.notifications import MailStatus, NewMail, add_mails
from api.notifications.delivery import RETRY_AFTER
from api.notifications.outgoing import NOT_RECORDED
from core import clock
from core.retries import JITTER
from tests.api.decisions import held
from tests.api.mail import ANN, BEN, deliver, delivery, mails, raw_smtp_server, smtp_server, subscribe
from tests.api.makers import Api


async def test_a_message_is_tried_until_the_schedule_ends(api: Api):
    async with smtp_server() as box:
        box.to_recipient = "451 greylisted"
        await subscribe(api, "claim.in_review")
        await held(api)
        at = clock.now()
        for number in range(1, len(RETRY_AFTER) + 2):
            with clock.held(at):
                assert await deliver(api, box) == 1
                assert await deliver(api, box) == 0
            (found,) = await mails(api)
            assert (found.attempts, found.answer) == (number, "451 greylisted")
            at = found.due_at or at
        assert (found.status, found.due_at) == ("failed", None)
        assert found.finished_at is not None


async def test_a_message_that_was_answered_with_bytes_that_are_no_text_is_sent_once(api: Api):
    async with raw_smtp_server("250 re\xe7u\0".encode("latin-1")) as box:
        await subscribe(api, "claim.in_review")
        await held(api)
        assert await deliver(api, box) == 1
        with clock.held(clock.now() + timedelta(hours=1)):
            assert await deliver(api, box) == 0
        assert len(box.received) == 1
        (found,) = await mails(api, MailStatus.SENT)
        assert found.answer == r"250 re\udce7u\x00"


async def test_a_message_that_cannot_be_sent_leaves_the_others_of_its_step_as_they_are(api: Api):
    async def read(_connection: AsyncConnection, report_ids: Sequence[str]) -> Sequence[MailAttachment]:
        raise LookupError(report_ids)

    async with smtp_server() as box:
        async with api.database.transaction() as connection:
            new = [NewMail("rpt_1", ANN, "1", "1\n", ("rep_1",)), NewMail("dig_2", BEN, "2", "2\n")]
            await add_mails(connection, api.dependencies.field_keys, new, clock.now())
        with pytest.raises(LookupError, match="rep_1"):
            await delivery(api, box, attachments=read).step()
        assert {one.recipient: one.status for one in await mails(api)} == {ANN: "pending", BEN: "sent"}


async def test_a_message_whose_attempts_are_never_recorded_ends_as_others_do(api: Api):
    async def read(_connection: AsyncConnection, report_ids: Sequence[str]) -> Sequence[MailAttachment]:
        raise MemoryError(report_ids)

    async with smtp_server() as box:
        async with api.database.transaction() as connection:
            await add_mails(
                connection, api.dependencies.field_keys, [NewMail("rpt_1", ANN, "1", "1\n", ("rep_1",))], clock.now()
            )
        at = clock.now()
        for number in range(1, len(RETRY_AFTER) + 2):
            with clock.held(at), pytest.raises(MemoryError):
                await delivery(api, box, attachments=read).step()
            (found,) = await mails(api)
            assert (found.status, found.attempts) == ("pending", number)
            at = found.due_at or at
        with clock.held(at):
            assert await delivery(api, box, attachments=read).step() == 0
        (found,) = await mails(api)
        assert (found.status, found.due_at, found.answer) == ("failed", None, NOT_RECORDED)
        assert at - found.created_at > sum(RETRY_AFTER, timedelta())


async def test_the_age_of_the_oldest_message_grows_while_the_server_is_down(api: Api):
    async with smtp_server() as box:
        box.to_recipient = "451 try again later"
        await subscribe(api, "claim.in_review")
        at = clock.now()
        with clock.held(at):
            await held(api)
            assert await deliver(api, box) == 1
        for minutes in (0, 30, 120):
            with clock.held(at + timedelta(minutes=minutes)):
                await delivery(api, box).step()
                await delivery(api, box).measure()
            assert metrics.MAILS_OLDEST_PENDING._value.get() == minutes * 60
        box.to_recipient = "250 OK"
        with clock.held(at + timedelta(hours=24)):
            assert await deliver(api, box) == 1
            await delivery(api, box).measure()
        assert metrics.MAILS_OLDEST_PENDING._value.get() == 0


async def test_a_message_that_is_refused_for_good_is_tried_once(api: Api):
    async with smtp_server() as box:
        box.to_recipient = "550 no such user"
        await subscribe(api, "claim.in_review")
        await held(api)
        assert await deliver(api, box) == 1
        (found,) = await mails(api, MailStatus.FAILED)
        assert (found.attempts, found.answer) == (1, "550 no such user")


def test_the_pauses_outlast_a_night():
    assert sum(RETRY_AFTER, timedelta()) * (1 - JITTER) > timedelta(hours=16)
