"""Moving addresses that earlier releases stored in clear to recipients, while the platform runs."""

from collections.abc import Callable
from typing import Final

from sqlalchemy import text

from api.database import Database
from api.field_keys import FieldKeys
from api.notifications.recipients import recipient_id

_TABLES: Final = ("notification_subscriptions", "notifications", "mails")
_LOCK_TIMEOUT: Final = text("SET LOCAL lock_timeout = '5s'")
_LOCK_LINES: Final = text("LOCK TABLE notifications IN SHARE ROW EXCLUSIVE MODE")
"""No line is added while those of a recipient get its id: what was reported stays known."""
_IN_CLEAR: Final = text(
    " UNION ".join(f"SELECT recipient FROM {table} WHERE strpos(recipient, '@') > 0" for table in _TABLES)
    + " ORDER BY 1"
)
_MOVE: Final = (
    text("""
        DELETE FROM notification_subscriptions AS earlier WHERE recipient = :address AND EXISTS (
            SELECT FROM notification_subscriptions AS one WHERE one.recipient = :id AND one.event = earlier.event)"""),
    text("""
        DELETE FROM notifications AS earlier WHERE recipient = :address AND EXISTS (
            SELECT FROM notifications AS one WHERE one.recipient = :id AND one.event_id = earlier.event_id)"""),
    text("UPDATE notification_subscriptions SET recipient = :id WHERE recipient = :address"),
    text("UPDATE notifications SET recipient = :id WHERE recipient = :address"),
    text("UPDATE mails SET recipient = :id, answer = replace(answer, :address, :named) WHERE recipient = :address"),
)
"""What both an address and its id have stays once."""
RECIPIENT_NAMED: Final = "the recipient"
"""In place of the address in what a server answered."""


async def clear_recipients(database: Database) -> dict[str, int]:
    """Rows with an address in clear, by table and column; reads the tables as a whole."""
    counts = {}
    async with database.reading() as connection:
        for table in _TABLES:
            counted = text(f"SELECT count(*) FROM {table} WHERE strpos(recipient, '@') > 0")
            counts[f"{table}.recipient"] = int((await connection.execute(counted)).scalar_one())
    return counts


async def encrypt_recipients(database: Database, keys: FieldKeys, progress: Callable[[int], None]) -> int:
    """Give each address in clear an id, in every table, one address in a transaction; returns the number of rows.

    `progress` gets the rows of each. Raises what `FieldKeys` raises.
    """
    async with database.reading() as connection:
        addresses = [row[0] for row in await connection.execute(_IN_CLEAR)]
    done = 0
    for address in addresses:
        async with database.transaction() as connection:
            await connection.execute(_LOCK_TIMEOUT)
            await connection.execute(_LOCK_LINES)
            given = {"address": address, "id": await recipient_id(connection, keys, address)}
            rows = 0
            for statement in _MOVE:
                named = {"named": RECIPIENT_NAMED} if ":named" in statement.text else {}
                rows += (await connection.execute(statement, given | named)).rowcount
        done += rows
        progress(rows)
    return done
