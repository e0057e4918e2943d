"""A run: one archive for the claims of a month, at most `BATCH` in each, until no claim is due."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import groupby
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql

from api.archives.declared import TABLES
from api.archives.moving import Mover, OnStep, discard_interrupted
from api.archives.records import ArchiveError, ArchiveRequestError, ArchiveRun, LeftReason
from api.archives.selection import Cutoff, OldClaim, left_now, old_claims
from api.database import NO_LIMITS, connect
from api.identity import Caller
from api.migrate import plain_url
from api.retention import RetentionAction, RetentionKind
from claims.service_days import receipt_day
from core import clock
from core.residency import require_region
from core.settings import Settings
from core.signing import signing_key, trusted_keys

Connection = psycopg.Connection[tuple[object, ...]]
BATCH: Final = 1_000
"""Most claims of an archive, which are deleted in one transaction."""
CHANGED: Final = "changed_meanwhile"
"""Reason of claims that changed while they were archived; the next run takes them."""
_LOCK: Final = "SELECT pg_try_advisory_lock(hashtextextended('ginja data archive', 0))"
_ORIGIN: Final = (datetime(1, 1, 1, tzinfo=UTC), "")


@dataclass(frozen=True, slots=True)
class ArchiveRequest:
    """What is archived, and where to."""

    kind: RetentionKind
    folder: Path
    caller: Caller
    before: date | None = None
    """Only claims that were received before this day (UTC); `None`: all whose period is over."""

    def cutoff(self, settings: Settings) -> Cutoff:
        """Raises `ArchiveRequestError`."""
        if self.kind.action is not RetentionAction.ARCHIVE or self.kind.name not in TABLES:
            raise ArchiveRequestError(f"{self.kind.name} is not archived; kinds that are: {', '.join(TABLES)}")
        now = clock.now()
        over = now.date() - self.kind.period
        if self.before is not None and self.before > over:
            raise ArchiveRequestError(
                f"{self.kind.name} are kept for {self.kind.days} days: --before must be {over} or earlier; "
                "GINJA_RETENTION_FILE changes the period (docs/operate/privacy.md)"
            )
        day = over if self.before is None else self.before
        before = datetime.combine(day, datetime.min.time(), UTC)
        return Cutoff(before, receipt_day(now, settings.zone), now)


@contextmanager
def one_run(url: str) -> Iterator[Connection]:
    """A connection of the only run on a database. Raises `ArchiveError` where there is another."""
    with connect(plain_url(url), NO_LIMITS) as connection:
        row = connection.execute(_LOCK).fetchone()
        if row is None or not row[0]:
            raise ArchiveError("another run archives or restores at present; wait until it has ended")
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def due(url: str, settings: Settings, request: ArchiveRequest) -> ArchiveRun:
    """What a run would archive and leave; changes nothing. Raises `ArchiveRequestError`."""
    cutoff = request.cutoff(settings)
    left: Counter[str] = Counter()
    claims = 0
    with connect(plain_url(url), NO_LIMITS) as connection:
        for one in _old(connection, cutoff):
            if one.left is None:
                claims += 1
            else:
                left[one.left.value] += 1
    return ArchiveRun(request.kind.name, claims=claims, left=dict(left))


def archive_due(
    url: str,
    settings: Settings,
    request: ArchiveRequest,
    *,
    progress: Callable[[str], None] = lambda text: None,
    on_step: OnStep = lambda step: None,
    batch: int = BATCH,
) -> ArchiveRun:
    """Archive what is due, and vacuum the tables. Idempotent: after an interruption the next run goes on.

    Only the owner of the tables may do it. Raises `ArchiveError`, `ResidencyError`, `SigningKeyError`, `OSError`.
    """
    cutoff = request.cutoff(settings)
    folder = request.folder.resolve()
    require_region(settings, folder / "archive")
    if not folder.is_dir():
        raise ArchiveRequestError(f"{folder} is not a folder; create it, or mount it")
    key, trusted = signing_key(settings), trusted_keys(settings)
    archives: list[str] = []
    rows: Counter[str] = Counter()
    left: Counter[str] = Counter()
    with one_run(url) as connection:
        mover = Mover(connection, request.kind.name, folder, cutoff, request.caller, key, trusted, on_step)
        discarded = discard_interrupted(connection)
        for month, some in _batches(connection, cutoff, batch, left):
            claim_ids = [one.claim_id for one in some]
            moved = mover.move(month, claim_ids)
            if moved is None:  # a hold was added, or a row changed
                changed = left_now(connection, cutoff, claim_ids)
                left.update(one.left.value for one in changed if one.left is not None)
                claim_ids = sorted(set(claim_ids) - {one.claim_id for one in changed})
                moved = mover.move(month, claim_ids) if claim_ids else None
            if moved is None:
                left[CHANGED] += len(claim_ids)
                continue
            archive, removed = moved
            archives.append(archive)
            rows.update(removed)
            progress(f"{rows['claims']:,} claims in {len(archives):,} archives, until {month}")
        if archives:
            progress("vacuum")
            vacuum(connection, request.kind.name)
    return ArchiveRun(
        request.kind.name,
        archives=tuple(archives),
        claims=rows["claims"],
        rows=dict(rows),
        left={name: count for name, count in left.items() if count},
        discarded=discarded.archives,
        set_aside=tuple(str(one) for one in discarded.set_aside),
    )


def vacuum(connection: Connection, kind: str) -> None:
    """Give the space of deleted rows free, so that it is written over; indexes as well."""
    for table in TABLES[kind]:
        connection.execute(sql.SQL("VACUUM (ANALYZE, INDEX_CLEANUP ON) {}").format(sql.Identifier(table.name)))


def _old(connection: Connection, cutoff: Cutoff) -> Iterator[OldClaim]:
    place = _ORIGIN
    while some := old_claims(connection, cutoff, after=place, limit=BATCH):
        yield from some
        place = (some[-1].received_at, some[-1].claim_id)


def _batches(
    connection: Connection, cutoff: Cutoff, batch: int, left: Counter[str]
) -> Iterator[tuple[str, list[OldClaim]]]:
    """The claims that are archived, by month of receipt, at most `batch` at a time; counts those that are left."""

    def archived() -> Iterator[OldClaim]:
        for one in _old(connection, cutoff):
            if one.left is None:
                yield one
            else:
                left[one.left.value] += 1

    for month, claims in groupby(archived(), key=lambda one: f"{one.received_at.astimezone(UTC):%Y-%m}"):
        some: list[OldClaim] = []
        for one in claims:
            some.append(one)
            if len(some) == batch:
                yield month, some
                some = []
        if some:
            yield month, some


def archive_of(url: str, claim_id: str) -> str | None:
    """The name of the archive that has a claim; `None`: no archive has it."""
    with connect(plain_url(url), NO_LIMITS) as connection:
        row = connection.execute("SELECT archive FROM archived_claims WHERE claim_id = %s", [claim_id]).fetchone()
    return None if row is None else str(row[0])


@dataclass(frozen=True, slots=True)
class AbsentArchives:
    """Archives of the database that a folder does not have."""

    missing: tuple[str, ...]
    """Those that were written to this folder."""
    elsewhere: int
    """How many were written to another: this folder may be a copy or a new place of that one, or none of theirs."""


def missing_from(url: str, folder: Path) -> AbsentArchives:
    """The archives of the database that are not in a folder."""
    statement = "SELECT archive, folder = %s FROM archives WHERE archived_at IS NOT NULL ORDER BY archive"
    with connect(plain_url(url), NO_LIMITS) as connection:
        found = connection.execute(statement, [str(folder.resolve())]).fetchall()
    absent = [(str(name), bool(here)) for name, here in found if not (folder / str(name)).is_dir()]
    return AbsentArchives(tuple(name for name, here in absent if here), sum(not here for _, here in absent))


def archives_of_member(url: str, member_id: str) -> dict[str, int]:
    """How many claims of a member each archive has, by its name, also those that were restored: files stay.

    A claim that was archived again counts for the last archive alone.
    """
    statement = "SELECT archive, count(*) FROM archived_claims WHERE member_id = %s GROUP BY archive ORDER BY archive"
    with connect(plain_url(url), NO_LIMITS) as connection:
        return {str(archive): int(str(count)) for archive, count in connection.execute(statement, [member_id])}


def meaning_of(reason: str) -> str:
    """Why claims are left, as a sentence, of a reason in `ArchiveRun.left`."""
    return "it changed while it was archived; run it again" if reason == CHANGED else LeftReason(reason).meaning
