"""A change of a stored claim, made once: a request that comes again after an unconfirmed commit gets its reply."""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from api import audit
from api.database import CommitUnconfirmed, Database, fetch
from api.field_keys import REPLIES, FieldKeys
from api.identity import Caller
from api.intake import repository, stored_replies
from api.replies import Reply, StoredReply, repeat
from api.responses import encode
from api.unconfirmed import WINDOW, UnconfirmedChange, UnconfirmedChanges
from core import clock
from core.field_encryption import SealingKey

Locked = TypeVar("Locked")


class ClaimChanges:
    """Carries out changes, each in one transaction under the lock of its claim."""

    def __init__(self, database: Database, unconfirmed: UnconfirmedChanges, keys: FieldKeys) -> None:
        self._database = database
        self._keys = keys
        self._unconfirmed = unconfirmed

    async def once(
        self,
        caller: Caller,
        claim_id: str,
        request: bytes,
        *,
        lock: Callable[[AsyncConnection, str], Awaitable[Locked]],
        act: Callable[[AsyncConnection, Locked, datetime], Awaitable[BaseModel]],
    ) -> Reply:
        """Do `act` at an instant with what `lock` locked and read, or repeat the reply to an equal unconfirmed request.

        `request` is the change and its body; `act` records the change in the audit trail at its instant. Raises
        `OutcomeUnknown`, and what `lock` and `act` raise.
        """
        request_hash = hashlib.sha256(request).digest()
        unconfirmed = await self._unconfirmed.stored_reply(caller.actor_id, request_hash)
        if unconfirmed is not None:
            return repeat(unconfirmed, request_hash)
        sealing = await self._keys.current(REPLIES)
        since = clock.now() - WINDOW
        try:
            async with self._database.transaction() as connection:
                locked = await lock(connection, claim_id)
                # Looked up once the claim is locked: a concurrent repetition has stored its reply by now.
                stored = await fetch(connection, stored_replies.reply_to(caller.actor_id, None, request_hash, since))
                if stored is not None:
                    return repeat(await stored_replies.open_reply(self._keys, stored), request_hash)
                at = clock.now()
                reply = encode(await act(connection, locked, at))
                keep = StoredReply(request_hash, 201, reply)
        except CommitUnconfirmed:
            raise self._unconfirmed.add(unconfirmed_change(sealing, caller, claim_id, keep, at)) from None
        return Reply(201, reply)


def unconfirmed_change(
    sealing: SealingKey, caller: Caller, claim_id: str, reply: StoredReply, at: datetime
) -> UnconfirmedChange:
    """A change of a stored claim that may be committed; its audit row of that instant shows whether it is."""
    return UnconfirmedChange(
        actor_id=caller.actor_id,
        claim_id=claim_id,
        key=None,
        reply=reply,
        lock=repository.lock_state(claim_id),
        is_stored=audit.is_recorded(caller, claim_id, at),
        keep_reply=stored_replies.keep_unconfirmed_reply(sealing, caller.actor_id, reply, at),
        at=at,
    )
