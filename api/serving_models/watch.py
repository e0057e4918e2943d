"""Notice that another champion serves, and add the event that webhooks send.

A promotion replaces a pointer file, which no transaction of the database spans. What counts for a receiver is which
model scores claims, so the worker asks the scorer, and stores a change together with its event.
"""

from pydantic import JsonValue
from sqlalchemy import func, insert, select

from api import audit, outbox
from api.audit import Subject
from api.database import Database, fetch
from api.identity import Caller
from api.scorer import ScorerClient
from api.serving_models.tables import ServingModelRow
from core import clock
from core.logging import get_logger

log = get_logger("serving models")

_WORKER = Caller("worker", "operator", None, "worker")

_LOCK = select(func.pg_advisory_xact_lock(func.hashtextextended("serving models", 0)))
_LAST = select(ServingModelRow.model_version).order_by(ServingModelRow.serving_id.desc()).limit(1)


class ModelWatch:
    """Looks at the champion of the scorer; several workers may, and a change is stored once."""

    def __init__(self, database: Database, scorer: ScorerClient) -> None:
        self._database = database
        self._scorer = scorer
        self._candidate: str | None = None
        self._stored: str | None = None

    async def check(self) -> int:
        """Store the champion, if it serves at two looks in a row and is not the last one stored; 0.

        While scorers follow a promotion one after the other, answers alternate: a single one does not count.
        Raises `ScorerFailure` where the scorer does not answer or has no model.
        """
        champion = (await self._scorer.serving_models()).champion
        is_repeated, self._candidate = champion == self._candidate, champion
        if is_repeated and champion != self._stored:
            await self._store(champion)
            self._stored = champion
        return 0

    async def _store(self, champion: str) -> None:
        async with self._database.transaction() as connection:
            await connection.execute(_LOCK)
            previous = (await connection.execute(_LAST)).scalar_one_or_none()
            if previous == champion:
                return
            at = clock.now()
            added = insert(ServingModelRow).values(model_version=champion, seen_at=at)
            serving_id = (await connection.execute(added.returning(ServingModelRow.serving_id))).scalar_one()
            event: dict[str, JsonValue] = {"serving_id": serving_id, "previous_model_version": previous}
            changed: dict[str, JsonValue] = {"previous": previous}
            await fetch(connection, outbox.add(outbox.MODEL_PROMOTED, champion, event, at))
            served = audit.record(_WORKER, "model.serve", None, changed, at, subject=Subject("model", champion))
            await fetch(connection, served)
        log.info("another model serves", model_version=champion, previous=previous)
