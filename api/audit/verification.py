"""Verification of the audit log: every row against its seal, every seal against the one before and the anchors."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from api.audit.anchors import AuditAnchor, StoredAnchors
from api.audit.records import Seal
from api.audit.seal_store import last_seal, rows_between, seals_after, unsealed_after
from api.audit.seals import BEFORE_ALL, ENTRY_BYTES, FIRST, RowValues, digest, read_entries, seal_hash
from api.database import Database

MAX_FAULTS: Final = 100
"""Faults that are named; more are counted."""
_SEALS_AT_A_TIME: Final = 20
_MORE_ROWS: Final = 1_000
"""Rows beyond those of a seal that are looked at in its range."""


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
    `anchor_refused` of an anchor whose signature is not trusted."""
    seal: int
    """0: of no seal."""
    audit_id: int | None = None
    place: str | None = None
    """Of a refused anchor: where it is stored, and why it is refused."""


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


async def verify(database: Database, stored: StoredAnchors) -> AuditReport:
    """Compare the whole log with its seals, and the seals with what is stored outside. Changes nothing."""
    findings = _Findings()
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
                findings.add(_of_rows(seal, rows))
                findings.rows += len(rows)
                findings.seals += 1
                last = seal
            if not seals or seals[-1].number >= end:
                break
        ((unsealed, oldest),) = await connection.fetch(
            unsealed_after(BEFORE_ALL if last is None else last.last_audit_id)
        )
    findings.add(AuditFault("seal_missing", number) for number in sorted(anchored) if number > end)
    return AuditReport(
        rows=findings.rows,
        seals=findings.seals,
        anchors=len(stored.anchors),
        last_anchored_at=max((one.sealed_at for one in stored.anchors), default=None),
        faults=findings.named,
        faults_in_all=findings.count,
        unsealed=unsealed,
        oldest_unsealed_at=oldest,
    )


def _of_seal(
    seal: Seal, last: Seal | None, sealed: int, anchored: Mapping[int, Sequence[AuditAnchor]]
) -> list[AuditFault]:
    """Faults of a seal itself; `sealed` rows are in it and those before."""
    expected, previous = (1, FIRST) if last is None else (last.number + 1, last.hash)
    faults = [AuditFault("seal_missing", number) for number in range(expected, seal.number)]
    made = seal_hash(seal.number, seal.sealed_at, seal.last_audit_id, seal.entries, seal.previous)
    if made != seal.hash or (seal.number == expected and seal.previous != previous):
        faults.append(AuditFault("seal_changed", seal.number))
    if any((one.hash, one.rows) != (seal.hash.hex(), sealed) for one in anchored.get(seal.number, ())):
        faults.append(AuditFault("anchor", seal.number))
    return faults


def _of_rows(seal: Seal, rows: Sequence[RowValues]) -> list[AuditFault]:
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
