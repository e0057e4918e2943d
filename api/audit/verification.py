"""Verification of the audit log: every row against its seal, every seal against the one before and the anchors."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import Final

from api.audit.anchors import AuditAnchor, StoredAnchors
from api.audit.records import ArchivedSegment, Seal
from api.audit.seal_store import last_seal, rows_between, seals_after, unsealed_after
from api.audit.seals import BEFORE_ALL, ENTRY_BYTES, FIRST, RowValues, digest, read_entries, seal_hash
from api.database import Database
from core.errors import CoreError

MAX_FAULTS: Final = 100
"""Faults that are named; more are counted."""
_SEALS_AT_A_TIME: Final = 20
_MORE_ROWS: Final = 1_000
"""Rows beyond those of a seal that are looked at in its range."""


ReadSegment = Callable[[ArchivedSegment], Iterator[RowValues]]
"""The rows of an archive in the order of their ids; raises `CoreError` where it is not as its manifest says."""


class AuditVerdict(StrEnum):
    """What a verification says of the whole log."""

    INTACT = "intact"
    """Every sealed row is as it was, and the anchors agree."""
    ALTERED = "altered"
    UNSEALED = "unsealed"
    """There are rows and no seal: nothing can be said of them."""
    UNANCHORED = "unanchored"
    """Rows agree with their seals, and nothing outside the database agrees with the seals."""
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class AuditFault:
    """One place where the log is not as it was sealed."""

    kind: str
    """`changed`, `removed` or `inserted` of a row; `seal_missing`, `seal_changed` or `anchor` of a seal;
    `anchor_refused` of an anchor whose signature is not trusted; `archive` of an archive."""
    seal: int
    """0: of no seal."""
    audit_id: int | None = None
    place: str | None = None
    """Of a refused anchor or an archive: where it is, and what is wrong."""


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The result of a verification."""

    rows: int
    """Sealed rows that were compared."""
    seals: int
    anchors: int
    last_anchored_at: datetime | None
    """Rows that were sealed later could be cut off without a trace in the anchors."""
    faults: Sequence[AuditFault]
    """At most `MAX_FAULTS`."""
    faults_in_all: int
    unsealed: int
    """Rows after the last seal: nothing is known of them."""
    oldest_unsealed_at: datetime | None
    archived: int = 0
    """Sealed rows that are in archives by their signed manifests."""
    archived_compared: int = 0
    """Those of them that were read there and compared with their seals."""

    @property
    def verdict(self) -> AuditVerdict:
        """What can be said of the log; a check whose input is missing does not pass."""
        if self.faults_in_all:
            return AuditVerdict.ALTERED
        if not self.seals:
            return AuditVerdict.UNSEALED if self.unsealed else AuditVerdict.EMPTY
        return AuditVerdict.INTACT if self.anchors else AuditVerdict.UNANCHORED


class _Findings:
    def __init__(self) -> None:
        self.rows = 0
        self.seals = 0
        self.count = 0
        self.named: list[AuditFault] = []

    def add(self, faults: Iterable[AuditFault]) -> None:
        for fault in faults:
            self.count += 1
            if len(self.named) < MAX_FAULTS:
                self.named.append(fault)


async def verify(
    database: Database, stored: StoredAnchors, segments: Sequence[ArchivedSegment] = (), read: ReadSegment | None = None
) -> AuditReport:
    """Compare the whole log with its seals, and the seals with what is stored outside. Changes nothing.

    Rows of `segments` are in archives. `read` reads them, and they are compared, too; without it, that they are there
    is what the signature of the archive says.
    """
    findings = _Findings()
    archived = _Archived(segments, read)
    findings.add(AuditFault("anchor_refused", 0, place=f"{one.place}: {one.problem}") for one in stored.refused)
    anchored: dict[int, list[AuditAnchor]] = defaultdict(list)
    for anchor in stored.anchors:
        anchored[anchor.seal].append(anchor)
    last: Seal | None = None
    sealed = 0
    async with database.looking() as connection:
        (newest,) = await connection.fetch(last_seal())
        end = 0 if newest is None else newest.number
        while True:
            (seals,) = await connection.fetch(seals_after(0 if last is None else last.number, most=_SEALS_AT_A_TIME))
            for seal in seals:
                if seal.number > end:  # made meanwhile
                    break
                size = len(seal.entries) // ENTRY_BYTES
                sealed += size
                findings.add(_of_seal(seal, last, sealed, anchored))
                after = BEFORE_ALL if last is None else last.last_audit_id
                (rows,) = await connection.fetch(rows_between(after, seal.last_audit_id, most=size + _MORE_ROWS))
                findings.add(archived.check(seal, rows))
                findings.rows += len(rows)
                findings.seals += 1
                last = seal
            if not seals or seals[-1].number >= end:
                break
        ((unsealed, oldest),) = await connection.fetch(
            unsealed_after(BEFORE_ALL if last is None else last.last_audit_id)
        )
    findings.add(AuditFault("seal_missing", number) for number in sorted(anchored) if number > end)
    findings.add(archived.end())
    return AuditReport(
        rows=findings.rows,
        seals=findings.seals,
        anchors=len(stored.anchors),
        last_anchored_at=max((one.sealed_at for one in stored.anchors), default=None),
        faults=findings.named,
        faults_in_all=findings.count,
        unsealed=unsealed,
        oldest_unsealed_at=oldest,
        archived=archived.rows,
        archived_compared=archived.compared,
    )


def check_seal(seal: Seal, last: Seal | None) -> list[AuditFault]:
    """Faults of a seal by itself and after the one before."""
    expected, previous = (1, FIRST) if last is None else (last.number + 1, last.hash)
    faults = [AuditFault("seal_missing", number) for number in range(expected, seal.number)]
    made = seal_hash(seal.number, seal.sealed_at, seal.last_audit_id, seal.entries, seal.previous)
    if made != seal.hash or (seal.number == expected and seal.previous != previous):
        faults.append(AuditFault("seal_changed", seal.number))
    return faults


class _Archived:
    """The rows that are in archives, seal by seal in their order."""

    def __init__(self, segments: Sequence[ArchivedSegment], read: ReadSegment | None) -> None:
        self._waiting = sorted(segments, key=lambda one: one.first_seal)
        self._read = read
        self._rows: Iterator[RowValues] | None = None
        self._problem: str | None = None
        self._next = 1
        self.rows = 0
        self.compared = 0

    def check(self, seal: Seal, rows: Sequence[RowValues]) -> list[AuditFault]:
        """Faults of the rows of a seal, of which `rows` are in the database."""
        segment = self._waiting[0] if self._waiting else None
        if segment is None or not segment.first_seal <= seal.number <= segment.last_seal:
            return check_rows(seal, rows)
        faults: list[AuditFault] = []
        if seal.number == segment.first_seal:
            faults += self._open(segment)
        size = len(seal.entries) // ENTRY_BYTES
        if self._problem is None:
            self.rows += size
            faults += [AuditFault("inserted", seal.number, int(str(row[0]))) for row in rows]
        if self._rows is not None:
            try:
                found = list(islice(self._rows, size))
            except CoreError as error:
                faults.append(AuditFault("archive", seal.number, place=str(error)))
                self._rows = None
            else:
                faults += check_rows(seal, found)
                self.compared += len(found)
        if seal.number == segment.last_seal:
            if self._problem is None and seal.hash.hex() != segment.head:
                faults.append(AuditFault("archive", seal.number, place=f"{segment.archive} has another last seal"))
            if self._rows is not None and next(self._rows, None) is not None:
                faults.append(AuditFault("archive", seal.number, place=f"{segment.archive} has rows without a seal"))
            self._waiting.pop(0)
            self._next = segment.last_seal + 1
        return faults

    def end(self) -> list[AuditFault]:
        """Faults of archives that no seal led to."""
        return [
            AuditFault("archive", one.last_seal, place=f"{one.archive} is out of order, or its seals are missing")
            for one in self._waiting
        ]

    def _open(self, segment: ArchivedSegment) -> list[AuditFault]:
        self._rows, self._problem = None, segment.problem
        if self._problem is None and segment.first_seal != self._next:
            self._problem = f"the archive before {segment.archive} is missing"
        if self._problem is None and self._read is not None:
            try:
                self._rows = self._read(segment)
            except CoreError as error:
                return [AuditFault("archive", segment.first_seal, place=str(error))]
        return [] if self._problem is None else [AuditFault("archive", segment.first_seal, place=self._problem)]


def _of_seal(
    seal: Seal, last: Seal | None, sealed: int, anchored: Mapping[int, Sequence[AuditAnchor]]
) -> list[AuditFault]:
    """Faults of a seal itself; `sealed` rows are in it and those before."""
    faults = check_seal(seal, last)
    if any((one.hash, one.rows) != (seal.hash.hex(), sealed) for one in anchored.get(seal.number, ())):
        faults.append(AuditFault("anchor", seal.number))
    return faults


def check_rows(seal: Seal, rows: Iterable[RowValues]) -> list[AuditFault]:
    """Faults of the rows that a seal covers."""
    sealed = dict(read_entries(seal.entries))
    faults = []
    for row in rows:
        audit_id = int(str(row[0]))
        expected = sealed.pop(audit_id, None)
        if expected is None:
            faults.append(AuditFault("inserted", seal.number, audit_id))
        elif digest(row) != expected:
            faults.append(AuditFault("changed", seal.number, audit_id))
    faults += [AuditFault("removed", seal.number, audit_id) for audit_id in sealed]
    return faults
