"""The lines of a recipient become one message: the first at once, the others together after a few minutes."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import timedelta
from typing import Final

from sqlalchemy import ColumnElement, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api.database import Database
from api.notifications.events import HEADINGS
from api.notifications.outgoing import NewMail, add_mails
from api.notifications.records import NotificationLine
from api.notifications.tables import MailRow, NotificationRow
from core import clock
from core.format import utc_minute
from core.ids import new_id
from core.settings import Settings

DIGEST_EVERY: Final = timedelta(minutes=5)
"""A recipient gets at most one bundle in this time."""
MOST_LINES: Final = 2_000
"""Lines of one message; those beyond come with the next."""
MOST_SHOWN: Final = 50
"""Lines of one event that a message has; the others are counted."""
_RECIPIENTS: Final = 100
"""Of one step."""
_DIGEST_ID: Final = "dig"
_LINE: Final = tuple(NotificationRow.__table__.c[one.name] for one in fields(NotificationLine))
_TRY_LOCK: Final = select(func.pg_try_advisory_xact_lock(func.hashtext("notification digest")))
_WAITING: Final[ColumnElement[bool]] = NotificationRow.mail_id.is_(None)


class MailDigest:
    """Makes messages of the lines that wait; several processes may run it, one at a time works."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._console = None if settings.console_url is None else settings.console_url.rstrip("/")

    async def step(self) -> int:
        """Make the messages that may be sent now; returns how many."""
        async with self._database.reading() as connection:
            if not await connection.scalar(select(select(NotificationRow.event_id).where(_WAITING).exists())):
                return 0
        async with self._database.transaction() as connection:
            if not (await connection.execute(_TRY_LOCK)).scalar_one():
                return 0
            recipients = await _ready(connection)
            for recipient in recipients:
                await self._bundle(connection, recipient)
            return len(recipients)

    async def _bundle(self, connection: AsyncConnection, recipient: str) -> None:
        statement = (
            select(*_LINE)
            .where(NotificationRow.recipient == recipient, _WAITING)
            .order_by(NotificationRow.occurred_at, NotificationRow.event_id)
            .limit(MOST_LINES)
        )
        lines = [NotificationLine(*row) for row in await connection.execute(statement)]
        mail = NewMail(new_id(_DIGEST_ID), recipient, subject_of(lines), body_of(lines, self._console))
        await add_mails(connection, [mail], clock.now())
        taken = tuple_(NotificationRow.recipient, NotificationRow.event_id).in_(
            [(recipient, one.event_id) for one in lines]
        )
        await connection.execute(update(NotificationRow).where(taken).values(mail_id=mail.mail_id))


async def _ready(connection: AsyncConnection) -> Sequence[str]:
    """Recipients with lines that wait, and without a bundle in the last `DIGEST_EVERY`."""
    lately = select(MailRow.mail_id).where(
        MailRow.recipient == NotificationRow.recipient,
        MailRow.created_at > clock.now() - DIGEST_EVERY,
        MailRow.mail_id.startswith(_DIGEST_ID),
    )
    statement = (
        select(NotificationRow.recipient)
        .where(_WAITING, ~lately.exists())
        .group_by(NotificationRow.recipient)
        .order_by(NotificationRow.recipient)
        .limit(_RECIPIENTS)
    )
    return [row[0] for row in await connection.execute(statement)]


def subject_of(lines: Sequence[NotificationLine]) -> str:
    """What the bundle is about: its only event, or how many there are of several kinds."""
    events = {one.event for one in lines}
    if len(events) > 1:
        return f"Ginja: {len(lines):,} notifications"
    if len(lines) == 1:
        return f"Ginja: {lines[0].text.partition(';')[0]} ({lines[0].event})"
    return f"Ginja: {HEADINGS[events.pop()]}: {len(lines):,}"


def body_of(lines: Sequence[NotificationLine], console: str | None) -> str:
    """The lines under the heading of their event, with links where the address of the console is known."""
    parts = []
    for event, heading in HEADINGS.items():
        of_event = [one for one in lines if one.event == event]
        if not of_event:
            continue
        rows = [f"{heading}: {len(of_event):,}", ""]
        for one in of_event[:MOST_SHOWN]:
            rows.append(f"- {utc_minute(one.occurred_at)} UTC  {one.text}")
            if console is not None and one.link is not None:
                rows.append(f"  {console}{one.link}")
        if len(of_event) > MOST_SHOWN:
            rows.append(f"- and {len(of_event) - MOST_SHOWN:,} more")
        parts.append("\n".join(rows))
    return "\n\n".join([*parts, FOOTER]) + "\n"


FOOTER: Final = (
    "You get this because of a subscription in Ginja. `ginja notifications list` shows it, and\n"
    "`ginja notifications remove` ends it. Do not reply: nobody reads this mailbox."
)
