"""Anchoring the audit log: the worker's part, after it has sealed rows."""

import asyncio
from datetime import timedelta
from typing import Final

from api import metrics
from api.audit.anchors import AuditAnchor, add_file, anchor_file, append, last_anchor
from api.audit.records import Seal
from api.audit.seal_store import hash_of, last_seal, sealed_between
from api.database import Database
from core import clock
from core.errors import SigningKeyError
from core.logging import get_logger
from core.settings import Settings
from core.signing import signing_key, trusted_keys

log = get_logger("audit")

ANCHOR_S: Final = 60
"""Seconds between two anchors: what may be cut off the end of the log without a trace in the anchors."""


class AuditAnchorer:
    """Writes the head of the chain of seals outside the database, at most each minute.

    Before that it compares the last anchor with the database. A log that differs gets no further anchor, which would
    make it the trusted one: it is an error in the log, and a metric.
    """

    def __init__(self, database: Database, settings: Settings, *, every_s: float = ANCHOR_S) -> None:
        self._database = database
        self._settings = settings
        self._every = timedelta(seconds=every_s)
        self._problem: str | None = None

    async def step(self) -> int:
        """Anchor the last seal if it is due; returns the number of anchors that were written."""
        try:
            last = await asyncio.to_thread(self._last)
        except (OSError, ValueError, SigningKeyError) as error:
            self._differs("the last anchor of the audit log is refused", problem=str(error))
            return 0
        after = 0 if last is None else last.seal
        async with self._database.looking() as connection:
            head, known = await connection.fetch(last_seal(), hash_of(after))
            until = 0 if head is None else head.number
            ((rows, oldest),) = await connection.fetch(sealed_between(after, until))
        if last is not None and (known is None or known.hex() != last.hash):
            self._differs("the audit log differs from its last anchor; run `ginja audit verify`", seal=last.seal)
            return 0
        metrics.AUDIT_ANCHOR_DIFFERS.set(0)
        self._problem = None
        age = timedelta() if oldest is None else clock.now() - oldest
        metrics.AUDIT_UNANCHORED_AGE.set(max(age.total_seconds(), 0.0))
        if head is None or until == after or not self._is_due(last):
            return 0
        try:
            await asyncio.to_thread(self._write, _anchor(head, last, rows))
        except (OSError, SigningKeyError) as error:  # the metric of its age rises
            log.error("audit log not anchored", problem=str(error))
            return 0
        metrics.AUDIT_UNANCHORED_AGE.set(0.0)
        return 1

    def _last(self) -> AuditAnchor | None:
        return last_anchor(anchor_file(self._settings), trusted_keys(self._settings))

    def _is_due(self, last: AuditAnchor | None) -> bool:
        return last is None or clock.now() - last.anchored_at >= self._every

    def _write(self, anchor: AuditAnchor) -> None:
        """The folder first: the line in the home says that both are written."""
        signed = anchor.signed_by(signing_key(self._settings))
        if self._settings.audit_anchor_folder is not None:
            add_file(self._settings.audit_anchor_folder, signed)
        append(anchor_file(self._settings), signed)

    def _differs(self, message: str, **facts: object) -> None:
        metrics.AUDIT_ANCHOR_DIFFERS.set(1)
        if self._problem != message:  # once, not at each step
            log.error(message, **facts)
        self._problem = message


def _anchor(head: Seal, last: AuditAnchor | None, rows: int) -> AuditAnchor:
    return AuditAnchor(
        seal=head.number,
        hash=head.hash.hex(),
        rows=rows + (0 if last is None else last.rows),
        sealed_at=head.sealed_at,
        anchored_at=clock.now(),
    )
