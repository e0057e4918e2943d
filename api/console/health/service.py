"""The contents of the page for operations: everything is asked for at a time, each within a deadline."""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar

from api.console.access import SignedIn
from api.console.health import probes, queries
from api.console.health.lines import HealthLine, Runbook, not_known
from api.console.health.page import (
    HealthView,
    RuleHour,
    expiring_keys_line,
    features_line,
    hour_lines,
    queue_lines,
    rule_line,
)
from api.database import DATABASE_FAILURES, Database, fetch
from api.errors import Forbidden
from api.health.probe import WriteProbe
from api.identity import Scope, expiring_keys
from api.rate_limits import RateLimits
from api.scorer import ScorerClient
from core import clock
from core.format import utc_second
from core.settings import Settings

DEADLINE_S: Final = 2.5
"""Longest time that the page waits for any of its parts; a part that takes longer is shown as not known."""
HOURS: Final = timedelta(hours=48)
"""How far back the hours are shown in which the rule decided."""
_LATE: Final = f"no answer within {DEADLINE_S:g} s"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Stored:
    """What the database said."""

    rule: HealthLine
    features: HealthLine
    queues: Sequence[HealthLine]
    keys: HealthLine
    hours: Sequence[RuleHour]


class PlatformHealth:
    """The page for operations. It is read when something is down, so no part waits for another."""

    def __init__(
        self, database: Database, scorer: ScorerClient, settings: Settings, probe: WriteProbe, limits: RateLimits
    ) -> None:
        self._database = database
        self._scorer = scorer
        self._settings = settings
        self._probe = probe
        self._limits = limits
        self._left: set[asyncio.Task[object]] = set()
        """Parts that were left behind at the deadline; they end by their own limits."""

    async def page(self, signed_in: SignedIn) -> HealthView:
        """The page; raises `Forbidden` without the scope of operators."""
        if not signed_in.may(Scope.OPERATE):
            raise Forbidden(f"role {signed_in.role} has no scope {Scope.OPERATE.value}; an operator or admin does")
        now = clock.now()
        stored, database, scorer, valkey = await asyncio.gather(
            self._within(self._stored(now)),
            self._within(probes.database_line(self._probe)),
            self._within(probes.scorer_line(self._scorer)),
            self._within(probes.valkey_line(self._limits)),
        )
        unread = not_known("Queues, features and decisions", "read from the database", Runbook.DATABASE, _LATE)
        scoring = [
            probes.breaker_line(self._scorer),
            scorer or not_known(*probes.SCORER, Runbook.SCORING, _LATE),
            *([unread] if stored is None else [stored.rule, stored.features]),
            probes.clock_line(self._scorer),
        ]
        servers = [
            database or not_known(*probes.DATABASE, Runbook.DATABASE, _LATE),
            valkey or not_known(*probes.VALKEY, Runbook.FEATURES, _LATE),
            probes.rate_limits_line(self._limits),
            probes.overload_line(),
        ]
        security = [
            probes.tls_line(self._settings, now),
            probes.signatures_line(self._settings),
            *([] if stored is None else [stored.keys]),
        ]
        return HealthView(
            at=utc_second(now),
            sections=[
                ("Scoring", scoring),
                ("Queues", [] if stored is None else stored.queues),
                ("Servers", servers),
                ("Security", security),
            ],
            hours=None if stored is None else stored.hours,
        )

    async def _stored(self, now: datetime) -> _Stored | None:
        try:
            async with self._database.reading() as connection:
                return _Stored(
                    rule=rule_line(await queries.rule_share(connection)),
                    features=features_line(await queries.stale_views(connection)),
                    queues=queue_lines(await queries.backlogs(connection, now), now),
                    keys=expiring_keys_line(await fetch(connection, expiring_keys(now))),
                    hours=hour_lines(await queries.hours_by_rule(connection, now - HOURS)),
                )
        except DATABASE_FAILURES:
            return None

    async def _within(self, part: Awaitable[T]) -> T | None:
        """What a part says; `None` at the deadline. It is not waited for then: ending it may take as long."""
        task = asyncio.ensure_future(part)
        done, _ = await asyncio.wait({task}, timeout=DEADLINE_S)
        if done:
            return task.result()
        self._left.add(task)
        task.add_done_callback(self._forget)
        task.cancel()
        return None

    def _forget(self, task: "asyncio.Task[object]") -> None:
        self._left.discard(task)
        if not task.cancelled():
            task.exception()  # a part that failed after the deadline has no reader any more
