"""Sending: leases messages that are due, sends them, and records what the server answered."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from api import metrics
from api.database import Database
from api.field_keys import MAIL_BODY, MAIL_SUBJECT, MAILS, FieldKeys
from api.mail import MailAttachment, MailNotSent, MailRefused, MailServer, OutgoingMail
from api.notifications import outgoing
from api.notifications.moving import RECIPIENT_NAMED
from api.notifications.outgoing import LeasedMail
from api.notifications.recipients import address_of
from core import clock
from core.errors import DecryptionError
from core.logging import get_logger
from core.retries import pause_after

log = get_logger("notifications")

RETRY_AFTER: Final = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 180, 360, 720))
"""Pauses before each further attempt: the last one is 22.35 hours after the first, an outage of a night is survived."""
_MOST_ATTEMPTS: Final = len(RETRY_AFTER) + 1
AT_A_TIME: Final = 4
"""Sessions of one worker at a time."""
_RECORDED_WITHIN: Final = timedelta(seconds=60)
_REMOVED: Final = "the recipient was removed"

Attachments = Callable[[AsyncConnection, Sequence[str]], Awaitable[Sequence[MailAttachment]]]
"""The files of reports, by their ids."""


class MailDelivery:
    """Sends messages; several processes may run it on the same database."""

    def __init__(
        self,
        database: Database,
        keys: FieldKeys,
        server: MailServer,
        attachments: Attachments,
        *,
        deadline_s: float,
    ) -> None:
        self._database = database
        self._keys = keys
        self._server = server
        self._attachments = attachments
        self._lease = timedelta(seconds=deadline_s) + _RECORDED_WITHIN

    async def step(self) -> int:
        """Send the messages that are due, at most `AT_A_TIME`; returns how many were tried.

        Raises what one of them raised beside the answer of the server, once all were tried.
        """
        await self._keys.current(MAILS)  # without a key nothing is leased: no attempt is counted
        now = clock.now()
        async with self._database.transaction() as connection:
            exhausted = await outgoing.end_exhausted(connection, now, most_attempts=_MOST_ATTEMPTS)
            leased = await outgoing.lease_mails(connection, now, self._lease, RETRY_AFTER, limit=AT_A_TIME)
        for mail_id in exhausted:
            metrics.MAILS.labels("failed").inc()
            log.error("mail not sent", mail_id=mail_id, attempt=_MOST_ATTEMPTS, again=False)
        attempts = await asyncio.gather(*map(self._attempt, leased), return_exceptions=True)
        for failure in attempts:
            if failure is not None:
                raise failure
        return len(leased)

    async def measure(self) -> int:
        """Set the metrics of the queue."""
        async with self._database.reading() as connection:
            waiting, oldest = await outgoing.pending_mails(connection)
        metrics.MAILS_PENDING.set(waiting)
        metrics.MAILS_OLDEST_PENDING.set(0.0 if oldest is None else max(0.0, (clock.now() - oldest).total_seconds()))
        return 0

    async def _attempt(self, mail: LeasedMail) -> None:
        try:
            message = await self._message(mail)
        except DecryptionError as error:  # changed, or its key is lost: another attempt reads it no better
            await self._failed(mail, MailRefused(str(error)), str(error))
            return
        if message is None:
            await self._failed(mail, MailRefused(_REMOVED), _REMOVED)
            return
        try:
            answer = await self._server.send(message)
        except MailNotSent as error:
            await self._failed(mail, error, _without_address(str(error), message.recipient))
            return
        async with self._database.transaction() as connection:
            await outgoing.record_sent(connection, mail, _without_address(answer, message.recipient), clock.now())
        metrics.MAILS.labels("sent").inc()

    async def _message(self, mail: LeasedMail) -> OutgoingMail | None:
        """A message as it is sent; `None`: its recipient was removed."""
        async with self._database.reading() as connection:
            address = await address_of(connection, self._keys, mail.recipient)
            files = await self._attachments(connection, mail.report_ids) if mail.report_ids else ()
        if address is None:
            return None
        subject = await MAIL_SUBJECT.text(self._keys, mail.subject_sealed, mail.subject, mail.mail_id)
        body = await MAIL_BODY.text(self._keys, mail.body_sealed, mail.body, mail.mail_id)
        assert subject is not None
        assert body is not None
        return OutgoingMail(mail.mail_id, address, subject, body, mail.created_at, files)

    async def _failed(self, mail: LeasedMail, error: MailNotSent, answer: str) -> None:
        now = clock.now()
        pause = None if isinstance(error, MailRefused) else pause_after(mail.attempts, RETRY_AFTER)
        again_at = None if pause is None else now + pause
        async with self._database.transaction() as connection:
            held = await outgoing.record_failure(connection, mail, answer, again_at, now)
        if held:
            metrics.MAILS.labels("failed" if pause is None else "retried").inc()
            report = log.error if pause is None else log.warning
            report("mail not sent", mail_id=mail.mail_id, attempt=mail.attempts, again=pause is not None)


def _without_address(answer: str, address: str) -> str:
    """What a server answered, which may repeat the address, as it is stored in clear."""
    return re.sub(re.escape(address), RECIPIENT_NAMED, answer, flags=re.IGNORECASE)
