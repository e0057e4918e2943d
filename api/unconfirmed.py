"""Changes whose COMMIT the database did not confirm, and replies to the same request sent again without a key.

Whether such a change is stored is only known once its transaction has ended: a look-up takes the transaction's lock
first. A change that is stored gets the reply it would have had, kept under the content of its request for `WINDOW`. An
equal request of the same caller within it is answered by that reply; after it, an equal claim is a new one, and is
decided as one (`docs/adr/0140-unconfirmed-commits.md`).
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from api.database import DATABASE_FAILURES, EVERY_ROW, Database, Query, apart_from_unit, seeing
from api.errors import OutcomeUnknown
from api.replies import StoredReply
from core import clock
from core.logging import get_logger

log = get_logger("api")

WINDOW: Final = timedelta(hours=1)
"""How long a request without an Idempotency-Key is answered by the reply to an equal, unconfirmed one."""
WITH_THE_KEY: Final = "with the same Idempotency-Key"
_MOST_OPEN: Final = 10_000
_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 30.0


def outcome_unknown(resend: str, claim_id: str | None) -> OutcomeUnknown:
    """The error for a change that may be stored; `resend` says how to send its request again."""
    look_up = "" if claim_id is None else f". GET /v1/claims/{claim_id} shows what is stored; 404: the claim was not"
    return OutcomeUnknown(
        "the database did not confirm the commit: the change may be stored or not; send the same request again "
        f"{resend}: if it was stored, the response is the one to this request, else it is carried out then{look_up}",
        extensions={} if claim_id is None else {"claim_id": claim_id},
    )


@dataclass(frozen=True, slots=True)
class UnconfirmedChange:
    """A change that may be stored, and the reply to the request that made it."""

    actor_id: str
    claim_id: str
    key: str | None
    """The Idempotency-Key of the request: its reply is part of the transaction itself."""
    reply: StoredReply
    lock: Query[object]
    """Takes a lock that the transaction holds until its end."""
    is_stored: Query[bool]
    keep_reply: Query[None]
    """Stores the reply under the content of the request."""
    at: datetime


class UnconfirmedChanges:
    """Finds out what became of unconfirmed changes: when the same request comes again, and by itself."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._open: dict[tuple[str, bytes], UnconfirmedChange] = {}
        self._task: asyncio.Task[None] | None = None

    def add(self, change: UnconfirmedChange) -> OutcomeUnknown:
        """Register a change; returns the error for the caller, which says how to find out."""
        if change.key is None and len(self._open) < _MOST_OPEN:
            self._open[change.actor_id, change.reply.request_hash] = change
            if self._task is None or self._task.done():
                self._task = asyncio.create_task(self._resolve_all())
        minutes = int(WINDOW.total_seconds() // 60)
        resend = f"within {minutes} minutes" if change.key is None else WITH_THE_KEY
        return outcome_unknown(resend, change.claim_id)

    async def stored_reply(self, actor_id: str, request_hash: bytes) -> StoredReply | None:
        """The reply to an equal request of this caller that turns out to be stored; `None`: there is none.

        Call it before the stored replies are read: a change is open here until its reply is among them.
        """
        change = self._open.get((actor_id, request_hash))
        if change is None or clock.now() - change.at > WINDOW:
            return None
        return await self._resolve(change)

    async def settled(self) -> None:
        """Wait until no change is open."""
        if self._task is not None:
            await self._task

    async def close(self) -> None:
        """Stop finding out; what is open then stays unknown."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _resolve(self, change: UnconfirmedChange) -> StoredReply | None:
        # A caller that may make the change may not see what shows whether it is stored, such as the audit log.
        with apart_from_unit(), seeing(EVERY_ROW):
            return await self._resolved(change)

    async def _resolved(self, change: UnconfirmedChange) -> StoredReply | None:
        async with self._database.deciding() as connection:
            _, is_stored = await connection.fetch(change.lock, change.is_stored)
            if is_stored:
                await connection.finish(change.keep_reply)
        self._open.pop((change.actor_id, change.reply.request_hash), None)
        log.info("unconfirmed change resolved", claim_id=change.claim_id, stored=is_stored)
        return change.reply if is_stored else None

    async def _resolve_all(self) -> None:
        pause = _FIRST_PAUSE_S
        while self._open:
            for change in list(self._open.values()):
                await self._try(change)
            if self._open:
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_S)

    async def _try(self, change: UnconfirmedChange) -> None:
        identity = change.actor_id, change.reply.request_hash
        if clock.now() - change.at > WINDOW:
            self._open.pop(identity, None)
            return
        try:
            await self._resolve(change)
        except DATABASE_FAILURES as error:
            log.warning("unconfirmed change not resolved yet", claim_id=change.claim_id, error=type(error).__name__)
        except Exception as error:
            self._open.pop(identity, None)
            log.error("defect", claim_id=change.claim_id, exc_info=error)
