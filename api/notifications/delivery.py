"""Sending: leases messages that are due, sends them, and records what the server answered."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from api import metrics
from api.database import Database
from api.mail import MailAttachment, MailNotSent, MailRefused, MailServer, OutgoingMail
from api.notifications import outgoing
from api.notifications.outgoing import LeasedMail
from core import clock
from core.logging import get_logger
from core.retries import pause_after

log = get_logger("notifications")

RETRY_AFTER: Final = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 180, 360, 720))
"""Pauses before each further attempt: the last one is 22.35 hours after the first, an outage of a night is survived."""
_MOST_ATTEMPTS: Final = len(RETRY_AFTER) + 1
AT_A_TIME: Final = 4
"""Sessions of one worker at a time."""
_RECORDED_WITHIN: Final = timedelta(seconds=60)

Attachments = Callable[[AsyncConnection, Sequence[str]], Awaitable[Sequence[MailAttachment]]]
"""The files of reports, by their ids."""


class MailDelivery:
    """Sends messages; several processes may run it on the same database."""

    def __init__(self, database: Database, server: MailServer, attachments: Attachments, *, deadline_s: float) -> None:
        self._database = database
        self._server = server
        self._attachments = attachments
        self._lease = timedelta(seconds=deadline_s) + _RECORDED_WITHIN

    async def step(self) -> int:
        """Send the messages that are due, at most `AT_A_TIME`; returns how many were tried.

        Raises what one of them raised beside the answer of the server, once all were tried.
        """
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
        async with self._database.reading() as connection:
            files = await self._attachments(connection, mail.report_ids) if mail.report_ids else ()
        message = OutgoingMail(mail.mail_id, mail.recipient, mail.subject, mail.body, mail.created_at, files)
        try:
            answer = await self._server.send(message)
        except MailNotSent as error:
            await self._failed(mail, error)
            return
        async with self._database.transaction() as connection:
            await outgoing.record_sent(connection, mail, answer, clock.now())
        metrics.MAILS.labels("sent").inc()

    async def _failed(self, mail: LeasedMail, error: MailNotSent) -> None:
        now = clock.now()
        pause = None if isinstance(error, MailRefused) else pause_after(mail.attempts, RETRY_AFTER)
        again_at = None if pause is None else now + pause
        async with self._database.transaction() as connection:
            held = await outgoing.record_failure(connection, mail, str(error), again_at, now)
        if held:
            metrics.MAILS.labels("failed" if pause is None else "retried").inc()
            report = log.error if pause is None else log.warning
            report("mail not sent", mail_id=mail.mail_id, attempt=mail.attempts, again=pause is not None)
