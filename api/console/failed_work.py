"""Work that failed: dead letters and tasks, which operators replay or discard with a reason."""

from collections.abc import Mapping
from typing import Final

from api import outbox
from api.console.access import SignedIn
from api.console.confirming import confirmation_of_session
from api.console.lines import DeadLetterLine, FailedTaskLine
from api.database import Database
from api.errors import Forbidden, Invalid
from api.identity import Scope
from api.tasks import Tasks
from core import clock
from core.format import utc_minute
from core.settings import Settings

_LISTED: Final = 25
"""Lines of a list."""


class FailedWork:
    """What waits for an operator. Each method raises `Forbidden` for others."""

    def __init__(self, database: Database, tasks: Tasks, settings: Settings) -> None:
        self._database = database
        self._tasks = tasks
        self._settings = settings

    async def dead_letters(self, signed_in: SignedIn) -> list[DeadLetterLine]:
        """The first events that wait."""
        _require_operator(signed_in)
        async with self._database.reading() as connection:
            found = await outbox.dead_letters(connection, resolved=False, limit=_LISTED)
        return [
            DeadLetterLine(
                position=one.position,
                consumer=one.consumer,
                topic=one.topic,
                entity_key=one.entity_key,
                attempts=one.attempts,
                failed_at=utc_minute(one.failed_at),
                error=one.error,
            )
            for one in found
        ]

    async def resolve_dead_letter(self, signed_in: SignedIn, position: int, form: Mapping[str, str]) -> None:
        """Replay an event, or discard it with a reason, which is confirmed.

        Raises `NotFound`, `Conflict`, `Invalid`, `StepUpRequired`, `SignatureRequired`.
        """
        _require_operator(signed_in)
        if form.get("action") != "replay":
            confirmation_of_session(signed_in, self._settings).require()
        async with self._database.transaction() as connection:
            if form.get("action") == "replay":
                await outbox.replay(connection, position, by=signed_in.name, at=clock.now())
            else:
                reason = form.get("reason", "")
                await outbox.discard(connection, position, reason=reason, by=signed_in.name, at=clock.now())

    async def failed_tasks(self, signed_in: SignedIn) -> list[FailedTaskLine]:
        """The tasks that failed last."""
        _require_operator(signed_in)
        return [
            FailedTaskLine(
                task_id=one.task_id,
                kind=one.kind.replace("_", " "),
                attempts=one.attempts,
                created_at=utc_minute(one.created_at),
                ended_at="" if one.ended_at is None else utc_minute(one.ended_at),
                error=one.error or "",
            )
            for one in await self._tasks.failed(limit=_LISTED)
        ]

    async def resolve_task(self, signed_in: SignedIn, task_id: str, form: Mapping[str, str]) -> None:
        """Queue a failed task again, or discard it with a reason, which is confirmed.

        Raises `NotFound`, `Conflict`, `Invalid`, `StepUpRequired`, `SignatureRequired`.
        """
        _require_operator(signed_in)
        action = form.get("action")
        if action == "replay":
            await self._tasks.replay(signed_in.caller, task_id)
        elif action != "discard":
            raise Invalid.field("action", "must be replay or discard")
        elif form.get("confirmed") != "yes":
            raise Invalid.field("confirmed", "must be yes: a claim whose task is discarded is never decided")
        else:
            confirmation_of_session(signed_in, self._settings).require()
            await self._tasks.discard(signed_in.caller, task_id, form.get("reason", ""))


def _require_operator(signed_in: SignedIn) -> None:
    if not signed_in.may(Scope.OPERATE):
        raise Forbidden(f"a key of role {signed_in.role} has no scope {Scope.OPERATE.value}; sign in with another key")
