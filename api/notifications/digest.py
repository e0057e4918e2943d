"""The lines of a recipient become one message: the first at once, the others together after a few minutes."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from sqlalchemy import ColumnElement, Select, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from api.database import Database
from api.field_keys import FieldKeys
from api.notifications.events import HEADINGS
from api.notifications.outgoing import MAIL_FOOTER, NewMail, add_mails
from api.notifications.records import NotificationLine, NotificationSection
from api.notifications.tables import MailRow, NotificationRow
from core import clock
from core.format import utc_minute
from core.ids import new_id
from core.settings import Settings

DIGEST_EVERY: Final = timedelta(minutes=5)
"""A recipient gets at most one bundle in this time."""
MOST_LINES: Final = 20_000
"""Lines of one message, so that its statement ends in time; beyond them, those of the last headings wait."""
MOST_SHOWN: Final = 50
"""Lines of one event that a message has; the others are counted."""
_RECIPIENTS: Final = 100
"""Of one step."""
_DIGEST_ID: Final = "dig"
_WAITING: Final[ColumnElement[bool]] = NotificationRow.mail_id.is_(None)


class MailDigest:
    """Makes messages of the lines that wait; several processes may run it, one at a time works on a recipient."""

    def __init__(self, database: Database, keys: FieldKeys, settings: Settings) -> None:
        self._database = database
        self._keys = keys
        self._console = None if settings.console_url is None else settings.console_url.rstrip("/")

    async def step(self) -> int:
        """Make the messages that may be sent now; returns how many. Raises what one raised, once all were tried."""
        async with self._database.reading() as connection:
            recipients = [row[0] for row in await connection.execute(_ready(clock.now()))]
        made, failures = 0, []
        for recipient in recipients:
            try:
                made += await self._bundle(recipient)
            except Exception as failure:
                failures.append(failure)
        if failures:
            raise failures[0]
        return made

    async def _bundle(self, recipient: str) -> int:
        """Make the message of one recipient; 0: another process does, or did."""
        now = clock.now()
        ready = _ready(now).where(NotificationRow.recipient == recipient)
        async with self._database.transaction() as connection:
            if not (await connection.execute(_TRY_LOCK, {"recipient": recipient})).scalar_one():
                return 0
            if (await connection.execute(ready)).one_or_none() is None:
                return 0
            mail_id = new_id(_DIGEST_ID)
            await connection.execute(
                _TAKE, {"recipient": recipient, "mail_id": mail_id, "order": list(HEADINGS), "most": MOST_LINES}
            )
            sections = await _sections(connection, mail_id)
            mail = NewMail(mail_id, recipient, subject_of(sections), body_of(sections, self._console))
            return await add_mails(connection, self._keys, [mail], now)


_TRY_LOCK: Final = text("SELECT pg_try_advisory_xact_lock(hashtext('notification digest'), hashtext(:recipient))")
_TAKE: Final = text("""
    UPDATE notifications SET mail_id = :mail_id
    WHERE recipient = :recipient AND event_id IN (
        SELECT event_id FROM notifications WHERE recipient = :recipient AND mail_id IS NULL
        ORDER BY array_position(cast(:order AS text[]), event), occurred_at, event_id LIMIT :most
    )
""")
"""The reference to the message is checked at the end of the transaction: its text follows from the lines taken."""
_SECTIONS: Final = text("""
    SELECT event, total, text, link, occurred_at
    FROM (
        SELECT event, text, link, occurred_at, count(*) OVER (PARTITION BY event) AS total,
               row_number() OVER (PARTITION BY event ORDER BY occurred_at, event_id) AS place
        FROM notifications WHERE mail_id = :mail_id
    ) AS taken
    WHERE place <= :most_shown
    ORDER BY event, place
""")


async def _sections(connection: AsyncConnection, mail_id: str) -> list[NotificationSection]:
    """What a message reports, by event in the order of `HEADINGS`."""
    rows = await connection.execute(_SECTIONS, {"mail_id": mail_id, "most_shown": MOST_SHOWN})
    found = [
        NotificationSection(event, total, [NotificationLine(*row[2:]) for row in of_event])
        for (event, total), of_event in groupby(rows, key=lambda row: (row.event, row.total))
    ]
    return sorted(found, key=lambda one: list(HEADINGS).index(one.event))


def _ready(now: datetime) -> Select[str]:
    """Recipients with lines that wait, and without a bundle in the last `DIGEST_EVERY`."""
    lately = select(MailRow.mail_id).where(
        MailRow.recipient == NotificationRow.recipient,
        MailRow.created_at > now - DIGEST_EVERY,
        MailRow.mail_id.startswith(_DIGEST_ID),
    )
    return (
        select(NotificationRow.recipient)
        .where(_WAITING, ~lately.exists())
        .group_by(NotificationRow.recipient)
        .order_by(func.min(NotificationRow.created_at), NotificationRow.recipient)
        .limit(_RECIPIENTS)
    )


def subject_of(sections: Sequence[NotificationSection]) -> str:
    """What the bundle is about: its only event, or how many there are of several kinds."""
    if len(sections) > 1:
        return f"Ginja: {sum(one.total for one in sections):,} notifications"
    (only,) = sections
    if only.total == 1:
        return f"Ginja: {only.lines[0].text.partition(';')[0]} ({only.event})"
    return f"Ginja: {HEADINGS[only.event]}: {only.total:,}"


def body_of(sections: Sequence[NotificationSection], console: str | None) -> str:
    """The lines under the heading of their event, with links where the address of the console is known."""
    parts = []
    for section in sections:
        rows = [f"{HEADINGS[section.event]}: {section.total:,}", ""]
        for one in section.lines:
            rows.append(f"- {utc_minute(one.occurred_at)} UTC  {one.text}")
            if console is not None and one.link is not None:
                rows.append(f"  {console}{one.link}")
        if section.total > len(section.lines):
            rows.append(f"- and {section.total - len(section.lines):,} more")
        parts.append("\n".join(rows))
    return "\n\n".join([*parts, MAIL_FOOTER])
