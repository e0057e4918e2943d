"""Addresses of recipients: stored once, encrypted, and named by an id in subscriptions, lines and messages.

So statements join and group by ids, and a rotation of keys changes no line that keeps a condition from being reported
twice. An address is found by a blind index of it in lower case. Rows of an earlier release have the address itself in
place of the id, until `ginja crypto encrypt`: an id has no `@`.
"""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from api.field_keys import RECIPIENT_ADDRESS, FieldKeys
from api.notifications.tables import RecipientRow
from core import clock
from core.ids import new_id

_RECIPIENTS_LOCK: Final = text("SELECT pg_advisory_xact_lock(hashtextextended('recipients', 0))")
"""One is added at a time: under two keys an address has two entries, which the unique index does not see."""
_HAS_EVENT_IN_CLEAR: Final = text(
    "SELECT EXISTS (SELECT FROM notification_subscriptions "
    "WHERE event = :event AND strpos(recipient, '@') > 0 AND lower(recipient) = lower(:address))"
)


def is_address(recipient: str) -> bool:
    """Whether a row of an earlier release has the address in place of the id of a recipient."""
    return "@" in recipient


async def recipient_id(connection: AsyncConnection, keys: FieldKeys, address: str) -> str:
    """The id of the recipient with an address, which is added where there is none. Raises what `FieldKeys` raises.

    Upper and lower case are one address; it stays as it was written first.
    """
    await connection.execute(_RECIPIENTS_LOCK)
    entries = await RECIPIENT_ADDRESS.entries(connection, keys, address.lower())
    named_at = clock.now()  # keeps the retention, which removes recipients that nothing names, from this one
    found = await connection.scalar(
        update(RecipientRow)
        .where(RecipientRow.address_index.in_(entries))
        .values(named_at=named_at)
        .returning(RecipientRow.recipient_id)
    )
    if found is not None:
        return str(found)
    added, newest = new_id("rcp"), await keys.current(RECIPIENT_ADDRESS.purpose)
    await connection.execute(
        insert(RecipientRow).values(
            recipient_id=added,
            named_at=named_at,
            address_sealed=RECIPIENT_ADDRESS.seal(newest, address.encode(), added),
            address_index=RECIPIENT_ADDRESS.entry(newest, address.lower().encode()),
        )
    )
    return added


async def subscribes_in_clear(connection: AsyncConnection, event: str, address: str) -> bool:
    """Whether an earlier release stored a subscription of an address to an event."""
    found = await connection.scalar(_HAS_EVENT_IN_CLEAR, {"event": event, "address": address})
    return bool(found)


async def shown_addresses(connection: AsyncConnection, keys: FieldKeys, recipients: Iterable[str]) -> dict[str, str]:
    """The address of each recipient, for a list: of one whose key is lost it says that.

    Raises `DecryptionError` where one was changed, and what `FieldKeys` raises.
    """
    given = set(recipients)
    shown = {one: one for one in given}
    ids = [one for one in given if not is_address(one)]
    if ids:
        rows = await connection.execute(
            select(RecipientRow.recipient_id, RecipientRow.address_sealed).where(RecipientRow.recipient_id.in_(ids))
        )
        for row in rows.all():
            found = await RECIPIENT_ADDRESS.shown(keys, row.address_sealed, None, row.recipient_id)
            assert found is not None
            shown[row.recipient_id] = found
    return shown


async def address_of(connection: AsyncConnection, keys: FieldKeys, recipient: str) -> str | None:
    """The address of a recipient, to send to; `None`: it was removed.

    Raises `DecryptionError` where it was changed, `KeyMissingError` where its key is lost, what `FieldKeys` raises.
    """
    if is_address(recipient):
        return recipient
    sealed = await connection.scalar(select(RecipientRow.address_sealed).where(RecipientRow.recipient_id == recipient))
    return None if sealed is None else (await RECIPIENT_ADDRESS.opened(keys, sealed, recipient)).decode()
