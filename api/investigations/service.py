"""Weekly lists and dispositions; each function that changes something is one transaction.

Which claims are selected is not decided here: `choose` takes the week's scored claims and returns the selected ones
with their probabilities (`pipelines/loop/selection.py` has it; the command line connects the two).
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, time, timedelta

from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncConnection

from api import audit
from api.audit import AuditedChange, Subject
from api.confirmation import OF_LARGE_CLAIMS, Confirmation
from api.database import Database
from api.errors import Conflict, Invalid
from api.field_keys import FieldKeys
from api.identity import Caller
from api.intake import no_claim
from api.investigations import repository
from api.investigations.records import Choice, DispositionRecord, NewDisposition, ScoredClaim, SelectedClaim
from api.investigations.tables import DISPOSITIONS
from claims.outcome import Outcome
from claims.promise import FraudPromise, PastList, promise
from claims.review import IS_FRAUD, Disposition, RecoveryError, check_recovery
from core import clock

Choose = Callable[[Sequence[ScoredClaim]], Sequence[Choice]]


def monday_of(day: date) -> date:
    """The Monday of a day's week."""
    return day - timedelta(days=day.weekday())


async def select_week(database: Database, week: date, choose: Choose) -> list[SelectedClaim]:
    """The list of the week of a day. It is created once; later calls return the stored list.

    Raises `Conflict` while the week is not over: the probabilities would be those of a part of its claims.
    """
    first = datetime.combine(monday_of(week), time(), UTC)
    until = first + timedelta(days=7)
    if until > clock.now():
        raise Conflict(f"the week of {first:%Y-%m-%d} is not over; its list can be created from {until:%Y-%m-%d}")
    async with database.transaction() as connection:
        await repository.lock_week(connection, first.date())
        if not await repository.selected_claims(connection, first.date()):
            scored = await repository.scored_between(connection, first, until)
            chosen = choose(scored) if scored else ()
            await repository.add_selections(connection, first.date(), chosen, scored, clock.now())
        return await repository.selected_claims(connection, first.date())


async def weekly_list(database: Database, day: date | None) -> tuple[date | None, list[SelectedClaim]]:
    """Monday and list of a day's week; of the latest week with a list if `day` is None. A missing list is empty."""
    async with database.reading() as connection:
        week = await repository.latest_week(connection) if day is None else monday_of(day)
        return week, [] if week is None else await repository.selected_claims(connection, week)


async def promise_of(database: Database, week: date, claims: Sequence[SelectedClaim]) -> FraudPromise | None:
    """What share of the list's claims by score is fraud, at 90 % confidence; None: it has no claim by score."""
    size = sum(claim.selected_by == "score" for claim in claims)
    if size == 0:
        return None
    async with database.reading() as connection:
        earlier = await repository.findings_on_earlier_lists(connection, week)
    return promise([PastList(tuple(findings)) for findings in earlier], size=size)


async def record(
    database: Database,
    keys: FieldKeys,
    claim_id: str,
    new: NewDisposition,
    *,
    caller: Caller,
    confirmation: Confirmation,
    confirmed_above_cents: int = 0,
) -> DispositionRecord:
    """Record a disposition and its label, known from now; the latest disposition sent again is recorded once.

    Never known from earlier: features of each day include what was known by its midnight, and a disposition entered
    for yesterday would make yesterday's scores look as if they had used it. The instant is the database's; a
    disposition that commits after midnight enters the history by the label's event in the outbox. An inconclusive
    disposition withdraws the previous one. Raises `NotFound`, `Invalid`; `SignatureRequired` and
    `StepUpRequired` for a claim above the amount that was not confirmed.
    """
    async with database.transaction() as connection:
        if confirmation.is_missing and (await repository.amount_of(connection, claim_id) or 0) > confirmed_above_cents:
            confirmation.require(OF_LARGE_CLAIMS)
        return await record_audited(connection, keys, caller, claim_id, new)


async def record_audited(
    connection: AsyncConnection, keys: FieldKeys, caller: Caller, claim_id: str, new: NewDisposition
) -> DispositionRecord:
    """As `record`, with its entry of the audit log, in the transaction of `connection`."""
    earlier, recorded = await _record(connection, keys, claim_id, new)
    details: dict[str, JsonValue] = {"disposition": recorded.disposition, "kind": recorded.kind}
    change = AuditedChange(None if earlier is None else _audited(earlier), _audited(recorded))
    act, subject = "disposition.record", Subject("claim", claim_id)
    await audit.record_change(connection, keys, caller, act, details, clock.now(), change, subject=subject)
    return recorded


def _audited(record: DispositionRecord) -> dict[str, JsonValue]:
    """A disposition as the audit log keeps it; its note is in its row, with the key of the member."""
    shown: dict[str, JsonValue] = {name: value for name, value in asdict(record).items() if name != "note"}
    return shown | {"known_at": record.known_at.isoformat()}


async def record_within(
    connection: AsyncConnection, keys: FieldKeys, claim_id: str, new: NewDisposition
) -> DispositionRecord:
    """As `record`, in the transaction of `connection`; what records the act has an entry in the audit log."""
    return (await _record(connection, keys, claim_id, new))[1]


async def _record(
    connection: AsyncConnection, keys: FieldKeys, claim_id: str, new: NewDisposition
) -> tuple[DispositionRecord | None, DispositionRecord]:
    """The disposition before, and the one that is recorded."""
    disposition = _check(new)
    claim = await repository.lock_claim(connection, claim_id)
    if claim is None:
        raise await no_claim(connection, claim_id)
    # After the claim is locked, so that dispositions of one claim are known in the order of their commits.
    known_at = await repository.next_known_at(connection, claim_id)
    added = DispositionRecord(new.disposition, new.kind, new.amount_recovered_cents, new.decided_by, new.note, known_at)
    earlier = await repository.dispositions_of(connection, keys, claim_id)
    if earlier and replace(earlier[0], known_at=known_at) == added:
        return earlier[0], earlier[0]
    try:
        check_recovery(
            disposition=disposition,
            amount_cents=new.amount_recovered_cents,
            outcome=None if claim.status == "voided" else Outcome(claim.status),
            paid_cents=claim.approved_cents,
            recovered_cents=await repository.recovered_of(connection, claim_id),
        )
    except RecoveryError as error:
        raise Invalid.field("amount_recovered", str(error)) from None
    if new.kind is not None and disposition is not Disposition.CONFIRMED:
        raise Invalid.field("kind", "only confirmed fraud has a kind; leave it out")
    await repository.add_disposition(connection, keys, claim_id, added)
    await repository.add_label(
        connection, claim_id=claim_id, known_at=known_at, is_fraud=IS_FRAUD[disposition], kind=new.kind
    )
    return earlier[0] if earlier else None, added


async def recovered_of(connection: AsyncConnection, claim_ids: Sequence[str]) -> dict[str, int]:
    """Cents that were recovered of each of the claims; a claim without a recovery is left out."""
    return await repository.recovered_of_claims(connection, claim_ids)


async def latest_disposition(connection: AsyncConnection, keys: FieldKeys, claim_id: str) -> DispositionRecord | None:
    """The disposition of a claim that applies; None: it has none."""
    return next(iter(await repository.dispositions_of(connection, keys, claim_id)), None)


async def dispositions(database: Database, keys: FieldKeys, claim_id: str) -> list[DispositionRecord]:
    """The dispositions of a claim, latest first; raises `NotFound`."""
    async with database.reading() as connection:
        if not await repository.claim_exists(connection, claim_id):
            raise await no_claim(connection, claim_id)
        return await repository.dispositions_of(connection, keys, claim_id)


def _check(new: NewDisposition) -> Disposition:
    if new.disposition not in DISPOSITIONS:
        raise Invalid.field("disposition", f"must be one of {', '.join(DISPOSITIONS)}")
    if not new.decided_by.strip():
        raise Invalid.field("decided_by", "must not be empty: name the investigator")
    return Disposition(new.disposition)
