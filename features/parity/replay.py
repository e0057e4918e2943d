"""The online half of `verify.py`: claims through database, outbox, updater, Valkey and reader, with the clock held.

Claims are processed in *runs*: as many, in the order of receipt, as cannot affect each other's vectors, because no two
of different microseconds share a key. They are read one by one at their own time, then committed, then drained.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np
import redis

from claims.scoring import CLAIM_COLUMNS, ClaimFacts
from core import clock
from core.clock import DAY_US
from features.online import PROJECT, OnlineReader
from features.parity.hard_claims import ClaimRow, HardClaims
from features.update import FeatureUpdater
from features.vector import Reading, build_one

_STALE_AFTER_S = 86_400.0
"""The clock is held during a replay, so that a heartbeat is at most a day old."""
Void = tuple[str, datetime]
"""A claim, and when it was voided."""


class Tables(Protocol):
    """The platform's tables of claims, provided by the caller: features do not own them."""

    def load(self, claims: Sequence[ClaimRow], labels: Sequence[ClaimRow]) -> None:
        """Load past claims and labels, without events."""

    def record(self, labels: Sequence[ClaimRow]) -> None:
        """Commit labels, as the platform records them."""

    def receive(self, rows: Sequence[ClaimRow], voids: Sequence[Void], *, order: Sequence[int]) -> None:
        """Commit claims and voidings, with their events in the order given by positions in `(*rows, *voids)`."""

    def deliver_again(self, share: float) -> None:
        """Reopen some of the events of this day, though they were done."""


@dataclass(frozen=True, slots=True)
class OnlineResult:
    """A claim as it was read and scored online."""

    claim_id: str
    vector: np.ndarray
    reading: Reading
    score: float | None


@dataclass(frozen=True, slots=True)
class ReplayEntry:
    """An entry at a microsecond: a claim is received or voided."""

    us: int
    row: ClaimRow
    is_void: bool


def facts_of(row: ClaimRow) -> ClaimFacts:
    """A row of the claims frame as a score request."""
    return ClaimFacts(**{name: row[name] for name in CLAIM_COLUMNS})


def entries(claims: HardClaims) -> list[ReplayEntry]:
    """The entries of the live days, in order; within one microsecond, claims before voidings."""
    first_us = claims.first_day * DAY_US
    found = [ReplayEntry(clock.micros(row["received_at"]), row, False) for row in claims.live]
    voided = [row for row in (*claims.history, *claims.live) if _void_us(row) >= first_us]
    found += [ReplayEntry(_void_us(row), row, True) for row in voided]
    return sorted(found, key=lambda entry: (entry.us, entry.is_void, entry.row["claim_id"]))


def _void_us(row: ClaimRow) -> int:
    return -1 if row["voided_at"] is None else clock.micros(row["voided_at"])


def runs(found_entries: Iterable[ReplayEntry], *, most: int = 400) -> Iterator[list[ReplayEntry]]:
    """Runs in order, none over a midnight, in which no entry shares a key with one of an earlier microsecond."""
    run: list[ReplayEntry] = []
    earlier: set[tuple[str, ...]] = set()
    of_now: set[tuple[str, ...]] = set()
    for entry in found_entries:
        keys = _keys(entry.row)
        new_moment = bool(run) and entry.us != run[-1].us
        if new_moment:
            earlier |= of_now
            of_now = set()
        other_day = bool(run) and entry.us // DAY_US != run[-1].us // DAY_US
        if other_day or (earlier & keys) or (new_moment and len(run) >= most):
            if not new_moment:  # a microsecond must not be split: all of it begins the next run
                moved = [e for e in run if e.us == entry.us]
                run = [e for e in run if e.us != entry.us]
            else:
                moved = []
            if run:
                yield run
            run, earlier = moved, set()
            of_now = {key for e in moved for key in _keys(e.row)}
        run.append(entry)
        of_now |= keys
    if run:
        yield run


def _keys(row: ClaimRow) -> set[tuple[str, ...]]:
    return {("member", row["member_id"]), ("provider", row["provider_id"]), ("procedure", row["procedure_code"])}


class Replay:
    """Replays claims, and yields how each was read."""

    def __init__(
        self,
        claims: HardClaims,
        tables: Tables,
        updater: FeatureUpdater,
        client: "redis.Redis",
        *,
        project: str = PROJECT,
        score: Callable[[ClaimFacts, Reading], float] | None = None,
        seed: int = 1,
    ) -> None:
        self._claims = claims
        self._tables = tables
        self._updater = updater
        self._reader = OnlineReader(client, project=project, stale_after_s=_STALE_AFTER_S)
        self._score = score
        self._rng = np.random.default_rng(seed)
        self._day = claims.first_day - 1
        self._waiting: list[ClaimRow] = []
        self._waiting_voids: list[Void] = []
        self._labels = list(claims.labels)
        self._waiting_labels: list[ClaimRow] = []

    def run(self) -> Iterator[list[OnlineResult]]:
        """Load the history, then yield the results, run by run."""
        first_us = self._claims.first_day * DAY_US
        history = [row | {"voided_at": None} if _void_us(row) >= first_us else row for row in self._claims.history]
        self._tables.load(history, self._known_before(first_us))
        for run in runs(entries(self._claims)):
            with clock.held(clock.from_micros(run[0].us)):
                self._begin(run[0].us // DAY_US)
            yield [self._read(entry.row) for entry in run if not entry.is_void]
            with clock.held(clock.from_micros(run[-1].us)):
                self._commit(run)
                self._drain()

    def _begin(self, day: int) -> None:
        if day == self._day:
            return
        self._day = day
        self._record(day * DAY_US)
        self._drain()  # the midnight's roll-over
        rows, voids, labels = self._waiting, self._waiting_voids, self._waiting_labels
        if rows or voids or labels:
            self._tables.receive(rows, voids, order=self._order(rows, voids))
            self._tables.record(labels)
            self._waiting, self._waiting_voids, self._waiting_labels = [], [], []
            self._drain()

    def _known_before(self, us: int) -> list[ClaimRow]:
        """Remove and return the labels that became known before an instant."""
        taken = [label for label in self._labels if clock.micros(label["known_at"]) < us]
        self._labels = self._labels[len(taken) :]
        return taken

    def _record(self, until_us: int) -> None:
        """Record the labels that became known before an instant; late ones wait for the next midnight."""
        taken = self._known_before(until_us)
        late = [(label["claim_id"], label["known_at"]) in self._claims.late_labels for label in taken]
        self._waiting_labels += [label for label, is_late in zip(taken, late, strict=True) if is_late]
        self._tables.record([label for label, is_late in zip(taken, late, strict=True) if not is_late])

    def _read(self, row: ClaimRow) -> OnlineResult:
        facts = facts_of(row)
        with clock.held(row["received_at"]):
            reading = self._reader.read(facts)
        score = None if self._score is None else self._score(facts, reading)
        return OnlineResult(facts.claim_id, build_one(facts, reading.states), reading, score)

    def _commit(self, run: Sequence[ReplayEntry]) -> None:
        rows = [entry.row | {"voided_at": None} for entry in run if not entry.is_void]
        self._waiting += [row for row in rows if row["claim_id"] in self._claims.late]
        rows = [row for row in rows if row["claim_id"] not in self._claims.late]
        voids: list[Void] = [(entry.row["claim_id"], entry.row["voided_at"]) for entry in run if entry.is_void]
        self._waiting_voids += [void for void in voids if void[0] in self._claims.late_voids]
        voids = [void for void in voids if void[0] not in self._claims.late_voids]
        self._tables.receive(rows, voids, order=self._order(rows, voids))
        self._record(run[-1].us)
        if self._rng.random() < 0.05:
            self._tables.deliver_again(0.02)

    def _order(self, rows: Sequence[ClaimRow], voids: Sequence[Void]) -> list[int]:
        order: list[int] = self._rng.permutation(len(rows) + len(voids)).tolist()
        return order

    def _drain(self) -> None:
        while self._updater.drain().more:
            pass


def replay_all(replay: Replay, progress: Callable[[int], object]) -> dict[str, OnlineResult]:
    """The result of every claim, by claim id; `progress` receives the number of claims of each run."""
    seen: dict[str, OnlineResult] = {}
    for run in replay.run():
        seen |= {scored.claim_id: scored for scored in run}
        progress(len(run))
    return seen
