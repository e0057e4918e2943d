"""Messages in the database: a queue whose entries workers lease.

A message is leased for longer than an attempt can take. A worker that is killed while it sends loses nothing: once the
lease is over, another sends the message again under the same Message-ID. A lease counts the attempt and lasts at least
as long as the pause after it, so that a message whose attempts are never recorded ends as others do.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row, case, func, literal, null, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from api.field_keys import MAIL_BODY, MAIL_SUBJECT, MAILS, FieldKeys
from api.notifications.recipients import shown_addresses
from api.notifications.records import MailRecord, MailStatus
from api.notifications.tables import MailRow
from api.paging import PageCursor

_RECORD: Final = (*(MailRow.__table__.c[one.name] for one in fields(MailRecord)), MailRow.subject_sealed)
_PENDING: Final = MailStatus.PENDING.value
NOT_RECORDED: Final = "the attempts ended without an answer that was recorded; the worker's log may say why"
MAIL_FOOTER: Final = (
    "You get this because of a subscription in Ginja. `ginja notifications list` shows it, and\n"
    "`ginja notifications remove` ends it. Do not reply: nobody reads this mailbox.\n"
)
"""The end of each message that a subscription led to."""


@dataclass(frozen=True, slots=True)
class NewMail:
    """A message that is due now."""

    mail_id: str
    recipient: str
    """Its id."""
    subject: str
    body: str
    report_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LeasedMail:
    """A message that this worker sends now."""

    mail_id: str
    recipient: str
    """Its id; an address of an earlier release."""
    subject: str | None
    """In clear, of an earlier release, as `body`."""
    subject_sealed: bytes | None
    body: str | None
    body_sealed: bytes | None
    report_ids: Sequence[str]
    created_at: datetime
    attempts: int
    """Made, with this one."""
    due_at: datetime
    """End of the lease."""


_LEASED: Final = tuple(MailRow.__table__.c[one.name] for one in fields(LeasedMail))


async def add_mails(connection: AsyncConnection, keys: FieldKeys, new: Sequence[NewMail], at: datetime) -> int:
    """Store messages, encrypted; one whose id there is already is left out. Returns how many were new.

    Raises what `FieldKeys` raises.
    """
    if not new:
        return 0
    sealing = await keys.current(MAILS)
    rows = [
        {
            "mail_id": one.mail_id,
            "recipient": one.recipient,
            "subject_sealed": MAIL_SUBJECT.seal(sealing, one.subject.encode(), one.mail_id),
            "body_sealed": MAIL_BODY.seal(sealing, one.body.encode(), one.mail_id),
            "report_ids": list(one.report_ids),
            "created_at": at,
            "status": _PENDING,
            "due_at": at,
        }
        for one in new
    ]
    statement = insert(MailRow).values(rows).on_conflict_do_nothing(index_elements=["mail_id"])
    return len((await connection.execute(statement.returning(MailRow.mail_id))).all())


async def end_exhausted(connection: AsyncConnection, now: datetime, *, most_attempts: int) -> list[str]:
    """End messages whose last lease ended without a record of the attempt; returns their ids."""
    statement = (
        update(MailRow)
        .where(MailRow.status == _PENDING, MailRow.due_at <= now, MailRow.attempts >= most_attempts)
        .values(
            status=MailStatus.FAILED.value,
            due_at=null(),
            answer=func.coalesce(MailRow.answer, NOT_RECORDED),
            finished_at=now,
        )
        .returning(MailRow.mail_id)
    )
    return [row[0] for row in await connection.execute(statement)]


async def lease_mails(
    connection: AsyncConnection, now: datetime, lease: timedelta, pauses: Sequence[timedelta], *, limit: int
) -> list[LeasedMail]:
    """Lease messages that are due, the longest first, and count an attempt at each.

    A lease lasts `lease`, or the pause after the attempt where that is longer.
    """
    until = {made: now + max(lease, pause) for made, pause in enumerate(pauses)}
    due = (
        select(MailRow.mail_id)
        .where(MailRow.status == _PENDING, MailRow.due_at <= now)
        .order_by(MailRow.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    statement = (
        update(MailRow)
        .where(MailRow.mail_id == due.c.mail_id)
        .values(due_at=case(until, value=MailRow.attempts, else_=now + lease), attempts=MailRow.attempts + 1)
        .returning(*_LEASED)
    )
    return [LeasedMail(*row) for row in await connection.execute(statement)]


async def record_sent(connection: AsyncConnection, mail: LeasedMail, answer: str, at: datetime) -> None:
    """Store that the server took a message, even if the lease is over."""
    await connection.execute(
        update(MailRow)
        .where(MailRow.mail_id == mail.mail_id)
        .values(status=MailStatus.SENT.value, due_at=null(), answer=answer, finished_at=at)
    )


async def record_failure(
    connection: AsyncConnection, mail: LeasedMail, answer: str, again_at: datetime | None, at: datetime
) -> bool:
    """Store an attempt that failed, and when the next one is, if any; false: the lease is over."""
    is_last = again_at is None
    statement = (
        update(MailRow)
        .where(MailRow.mail_id == mail.mail_id, MailRow.status == _PENDING, MailRow.due_at == mail.due_at)
        .values(
            status=MailStatus.FAILED.value if is_last else _PENDING,
            due_at=again_at,
            answer=answer,
            finished_at=at if is_last else None,
        )
        .returning(MailRow.mail_id)
    )
    return (await connection.execute(statement)).one_or_none() is not None


async def mail(connection: AsyncConnection, keys: FieldKeys, mail_id: str) -> MailRecord | None:
    """A message; `None`: there is none. Raises as `mails` does."""
    rows = (await connection.execute(select(*_RECORD).where(MailRow.mail_id == mail_id))).all()
    return next(iter(await _shown(connection, keys, rows)), None)


async def retry_mail(connection: AsyncConnection, mail_id: str, at: datetime) -> bool:
    """Make a failed message due again, with all attempts; false: it is not failed."""
    statement = (
        update(MailRow)
        .where(MailRow.mail_id == mail_id, MailRow.status == MailStatus.FAILED.value)
        .values(status=_PENDING, due_at=at, attempts=0, finished_at=null())
        .returning(MailRow.mail_id)
    )
    return (await connection.execute(statement)).one_or_none() is not None


async def mails(
    connection: AsyncConnection, keys: FieldKeys, *, status: str | None, after: PageCursor | None, limit: int
) -> list[MailRecord]:
    """Messages, the newest first, after a place in their list; of a text whose key is lost it says that.

    Raises `DecryptionError` where one was changed, and what `FieldKeys` raises.
    """
    statement = select(*_RECORD).order_by(MailRow.created_at.desc(), MailRow.mail_id.desc()).limit(limit)
    if status is not None:
        statement = statement.where(MailRow.status == status)
    if after is not None:
        place = tuple_(literal(after.received_at), literal(after.item_id))
        statement = statement.where(tuple_(MailRow.created_at, MailRow.mail_id) < place)
    return await _shown(connection, keys, (await connection.execute(statement)).all())


async def _shown(
    connection: AsyncConnection, keys: FieldKeys, rows: Sequence[Row[tuple[object, ...]]]
) -> list[MailRecord]:
    """Rows of `_RECORD` with subject and address in clear."""
    addresses = await shown_addresses(connection, keys, [row.recipient for row in rows])
    shown = []
    for row in rows:
        values: list[Any] = list(row)[:-1]
        stored = MailRecord(*values)
        subject = await MAIL_SUBJECT.shown(keys, row.subject_sealed, stored.subject, stored.mail_id)
        assert subject is not None
        shown.append(replace(stored, subject=subject, recipient=addresses[stored.recipient]))
    return shown


async def pending_mails(connection: AsyncConnection) -> tuple[int, datetime | None]:
    """Messages that wait, and when the oldest of them was made: `due_at` moves with each attempt."""
    statement = select(func.count(), func.min(MailRow.created_at)).where(MailRow.status == _PENDING)
    waiting, oldest = (await connection.execute(statement)).one()
    return waiting, oldest
