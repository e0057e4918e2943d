"""When each API key was used last: noted in memory by each process, and written for all its keys once a minute.

No request waits for it, and none has a statement more.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from api.database import Database, Query, Statement, nothing

WRITE_S: Final = 60.0
"""How often a process writes the last use of the keys that it saw since."""

_USED = Statement(
    """
    WITH used AS (
        SELECT * FROM unnest(%(ids)s::text[], %(times)s::timestamptz[]) AS used (api_key_id, at)
    ), locked AS (
        SELECT api_key_id FROM api_keys JOIN used USING (api_key_id) ORDER BY api_key_id FOR NO KEY UPDATE OF api_keys
    )
    UPDATE api_keys SET last_used_at = GREATEST(last_used_at, used.at)
    FROM used JOIN locked USING (api_key_id)
    WHERE api_keys.api_key_id = used.api_key_id
    """,
    {},
)
"""Rows are locked in the order of their ids, so that two processes never wait for each other."""


class LastUses:
    """The keys that this process looked up since it last wrote: an instant for each, and nothing else of the use."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._seen: dict[str, datetime] = {}

    def note(self, api_key_id: str, at: datetime) -> None:
        """Remember that a key was used at an instant."""
        self._seen[api_key_id] = at

    async def write(self) -> int:
        """Store what was noted since; what cannot be stored is kept for the next time."""
        seen, self._seen = self._seen, {}
        if not seen:
            return 0
        try:
            async with self._database.deciding() as connection:
                await connection.fetch(_uses(seen))
        except BaseException:
            self._seen = seen | self._seen
            raise
        return 0


def _uses(seen: Mapping[str, datetime]) -> Query[None]:
    """Store when keys were used last; an instant before the stored one changes nothing."""
    return Query(_USED, {"ids": [*seen], "times": [*seen.values()]}, nothing)
