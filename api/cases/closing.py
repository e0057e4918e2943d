"""Closing a case with a disposition, and reopening it.

Above an amount a disposition is a proposal of one person that another approves or refuses, as decisions about claims
are. The dispositions of claims that are named with it are recorded in the transaction that closes the case.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final, Self, TypedDict, cast

from pydantic import JsonValue
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from api import investigations, outbox
from api.cases import history, repository
from api.cases.records import CaseDisposition, CaseRecord, CaseStatus, LossMethod, SubjectKind
from api.cases.service import lock_open_case, require_own, require_worker
from api.cases.tables import CaseClaimRow, CaseEventRow
from api.cases.work import check_text
from api.confirmation import Confirmation
from api.database import Database, fetch
from api.errors import Conflict, Forbidden, Invalid, NotFound
from api.field_keys import FieldKeys
from api.identity import Caller, Scope
from api.intake import ClaimRow
from api.investigations import DISPOSITIONS, NewDisposition
from claims.money import format_cents
from core import clock
from core.settings import Settings

_KIND: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
MAX_FINDINGS: Final = 200
"""Claims whose dispositions are recorded with a case's."""
MAX_LOSS_CENTS: Final = 100_000_000_000
_WITHOUT_LOSS: Final = frozenset({CaseDisposition.UNSUBSTANTIATED})
_PROPOSE: Final = "case.propose_closing"
_WHY: Final = "; that is required of approvals, and above the amount of GINJA_CONFIRMATION_ABOVE_CENTS"


@dataclass(frozen=True, slots=True)
class ClaimFinding:
    """The disposition of a claim, recorded when its case closes."""

    claim_id: str
    disposition: str
    """As `NewDisposition.disposition`."""
    kind: str | None = None
    amount_recovered_cents: int = 0

    def check(self) -> None:
        """Raise `Invalid` for what is refused when it would be recorded, so that no proposal contains it."""
        if self.disposition not in DISPOSITIONS:
            raise Invalid.field("findings", f"have a disposition of {', '.join(DISPOSITIONS)}")
        if self.kind is not None and self.disposition != "confirmed":
            raise Invalid.field("kind", "only confirmed fraud has a kind; leave it out")
        if self.kind is not None and not _KIND.fullmatch(self.kind):
            raise Invalid.field("kind", "must be lower-case letters, digits and underscores, such as upcoding")


class _FindingColumn(TypedDict):
    """A `ClaimFinding` as the column has it."""

    claim_id: str
    disposition: str
    kind: str | None
    amount_recovered_cents: int


class _Closing(TypedDict):
    """What closes a case, as its columns have it."""

    disposition: str
    loss_cents: int
    loss_method: str
    findings: list[_FindingColumn]


@dataclass(frozen=True, slots=True)
class CaseClosing:
    """What an investigation found."""

    disposition: CaseDisposition
    loss_cents: int
    loss_method: LossMethod
    note: str
    """Why."""
    findings: tuple[ClaimFinding, ...] = ()

    def check(self) -> None:
        """Raise `Invalid` for what contradicts itself."""
        check_text("note", self.note)
        if not 0 <= self.loss_cents <= MAX_LOSS_CENTS:
            raise Invalid.field("loss", f"must be 0 to {format_cents(MAX_LOSS_CENTS)}")
        if (self.loss_cents == 0) != (self.loss_method is LossMethod.NONE):
            raise Invalid.field("loss_method", "must say how a loss was determined, and be none without one")
        if self.loss_cents and self.disposition in _WITHOUT_LOSS:
            raise Invalid.field("loss", f"must be 0 with the disposition {self.disposition.value}")
        ids = [one.claim_id for one in self.findings]
        if len(ids) != len(set(ids)) or len(ids) > MAX_FINDINGS:
            raise Invalid.field("findings", f"must name each claim once, and at most {MAX_FINDINGS}")
        for one in self.findings:
            one.check()
        is_fraud = self.disposition is CaseDisposition.FRAUD
        if not is_fraud and any(one.disposition == "confirmed" for one in self.findings):
            raise Invalid.field("findings", "confirmed fraud of a claim needs the disposition substantiated_fraud")


@dataclass(frozen=True, slots=True)
class ClosingLimits:
    """Amounts above which closing needs more."""

    approval_above_cents: int
    """A second person approves."""
    confirmed_above_cents: int
    """Of a loss, or a claim that gets a disposition: the request is signed, or confirmed by a second factor."""

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Those of an installation."""
        return cls(settings.review_second_approval_above_cents, settings.confirmation_above_cents)


async def close(
    database: Database,
    keys: FieldKeys,
    caller: Caller,
    case_id: str,
    closing: CaseClosing,
    *,
    confirmation: Confirmation,
    limits: ClosingLimits,
) -> CaseRecord:
    """Close a case, or propose it where the loss needs a second person: the case stays open then.

    Raises `Forbidden`, `NotFound`; `Conflict` for a case that another has, or for which a proposal waits; `Invalid`,
    `SignatureRequired`, `StepUpRequired`.
    """
    require_worker(caller)
    closing.check()
    if closing.loss_cents > limits.confirmed_above_cents:
        confirmation.require(_WHY)
    async with database.transaction() as connection:
        found = await lock_open_case(connection, case_id)
        require_own(caller, found)
        if found.is_proposed:
            raise Conflict("a disposition is proposed already, and waits for a second person")
        await _require_claims(connection, case_id, closing.findings)
        if confirmation.is_missing and await _largest(connection, closing.findings) > limits.confirmed_above_cents:
            confirmation.require(_WHY)
        at = clock.now()
        values = _Closing(
            disposition=closing.disposition.value,
            loss_cents=closing.loss_cents,
            loss_method=closing.loss_method.value,
            findings=[cast("_FindingColumn", asdict(one)) for one in closing.findings],
        )
        proposed = {**values, "proposed_at": at, "proposed_by": caller.actor_id}
        await repository.change_case(connection, case_id, proposed)
        if closing.loss_cents > limits.approval_above_cents:
            await history.add_event(connection, keys, caller, case_id, _PROPOSE, _details(values), text=closing.note)
        else:
            await _close(connection, keys, caller, case_id, values, by=caller.name, text=closing.note, at=at)
        return await _case(connection, case_id)


async def approve_closing(
    database: Database,
    keys: FieldKeys,
    caller: Caller,
    case_id: str,
    *,
    version: int,
    note: str | None,
    confirmation: Confirmation,
) -> CaseRecord:
    """Close a case as another person proposed; `version`: of the case as it was read.

    Raises `Forbidden`, also for one's own proposal; `NotFound`, `Conflict`, `Invalid`, `SignatureRequired`,
    `StepUpRequired`.
    """
    confirmation.require(_WHY)
    async with database.transaction() as connection:
        found, proposer = await _lock_proposal(connection, caller, case_id, version, note)
        values = cast("_Closing", {name: getattr(found, name) for name in _Closing.__annotations__})
        await _close(connection, keys, caller, case_id, values, by=proposer, text=note, at=clock.now())
        return await _case(connection, case_id)


async def refuse_closing(
    database: Database, keys: FieldKeys, caller: Caller, case_id: str, *, version: int, note: str | None
) -> CaseRecord:
    """Refuse what another person proposed: the case stays open. Raises as `approve_closing` does."""
    async with database.transaction() as connection:
        await _lock_proposal(connection, caller, case_id, version, note)
        await repository.change_case(connection, case_id, _NO_CLOSING)
        await history.add_event(connection, keys, caller, case_id, "case.refuse_closing", {}, text=note)
        return await _case(connection, case_id)


async def reopen(database: Database, keys: FieldKeys, caller: Caller, case_id: str, note: str) -> CaseRecord:
    """Open a closed case again; dispositions of claims stay. Raises `Forbidden`, `NotFound`, `Conflict`, `Invalid`."""
    require_worker(caller)
    _require_approver(caller)
    check_text("note", note)
    try:
        async with database.transaction() as connection:
            found = await repository.find_case(connection, case_id, lock=True)
            if found is None:
                raise NotFound(history.NO_CASE)
            if found.is_open:
                raise Conflict("the case is open")
            other = await repository.find_open_case(connection, SubjectKind(found.subject_kind), found.subject_id)
            if other is not None:
                raise Conflict(f"case {other.case_id} about the same subject is open; work on in that one")
            values = {**_NO_CLOSING, "status": CaseStatus.OPEN.value, "closed_at": None, "closed_by": None}
            await repository.change_case(connection, case_id, values)
            await history.add_event(connection, keys, caller, case_id, "case.reopen", {}, text=note)
            return await _case(connection, case_id)
    except IntegrityError:
        raise Conflict("a case about the same subject was opened at the same time; work on in that one") from None


_NO_CLOSING: Final[Mapping[str, object]] = {
    **dict.fromkeys(("disposition", "loss_cents", "loss_method", "proposed_at", "proposed_by")),
    "findings": [],
}


async def _lock_proposal(
    connection: AsyncConnection, caller: Caller, case_id: str, version: int, note: str | None
) -> tuple[CaseRecord, str]:
    """A case with a proposal of another person, and their name."""
    require_worker(caller)
    _require_approver(caller)
    if note is not None:
        check_text("note", note)
    found = await lock_open_case(connection, case_id)
    if not found.is_proposed:
        raise Conflict("no disposition is proposed")
    if found.version != version:
        raise Conflict(f"the case has version {found.version}, not {version}; read it again")
    statement = (
        select(CaseEventRow.name)
        .where(CaseEventRow.case_id == case_id, CaseEventRow.act == _PROPOSE)
        .order_by(CaseEventRow.event_no.desc())
        .limit(1)
    )
    proposer = str(await connection.scalar(statement))
    if caller.actor_id == found.proposed_by or caller.name == proposer:
        raise Forbidden("another person approves or refuses a proposal; ask another lead investigator")
    return found, proposer


async def _close(
    connection: AsyncConnection,
    keys: FieldKeys,
    caller: Caller,
    case_id: str,
    values: _Closing,
    *,
    by: str,
    text: str | None,
    at: datetime,
) -> None:
    closed = {"status": CaseStatus.CLOSED.value, "closed_at": at, "closed_by": caller.actor_id}
    await repository.change_case(connection, case_id, closed)
    for one in sorted(values["findings"], key=lambda finding: str(finding["claim_id"])):  # locked in one order
        new = NewDisposition(one["disposition"], by, one["amount_recovered_cents"], one["kind"])
        await investigations.record_audited(connection, keys, caller, one["claim_id"], new)
    number = await history.add_event(connection, keys, caller, case_id, "case.close", _details(values), text=text)
    await fetch(connection, outbox.add(outbox.CASE_CLOSED, case_id, {"event": number}, at))


async def _require_claims(connection: AsyncConnection, case_id: str, findings: Sequence[ClaimFinding]) -> None:
    asked = {one.claim_id for one in findings}
    statement = select(CaseClaimRow.claim_id).where(
        CaseClaimRow.case_id == case_id, CaseClaimRow.claim_id.in_(sorted(asked))
    )
    if missing := sorted(asked - set(await connection.scalars(statement))):
        raise Invalid.field("findings", f"claim {missing[0]} is not in the case; add it first")


async def _largest(connection: AsyncConnection, findings: Sequence[ClaimFinding]) -> int:
    """The largest amount of a claim that gets a disposition."""
    statement = select(func.max(ClaimRow.amount_cents)).where(ClaimRow.claim_id.in_([one.claim_id for one in findings]))
    return int(await connection.scalar(statement) or 0)


async def _case(connection: AsyncConnection, case_id: str) -> CaseRecord:
    found = await repository.find_case(connection, case_id)
    if found is None:
        raise NotFound(history.NO_CASE)
    return found


def _details(values: _Closing) -> dict[str, JsonValue]:
    return {
        "disposition": values["disposition"],
        "loss_cents": values["loss_cents"],
        "loss_method": values["loss_method"],
        "findings": [cast("dict[str, JsonValue]", one) for one in values["findings"]],
    }


def _require_approver(caller: Caller) -> None:
    if not caller.may(Scope.APPROVE):
        raise Forbidden(f"a key of role {caller.role} approves and reopens no case; ask a lead investigator")
