"""The demand of an overpayment and its ledger. Received money is recorded with claims, from which models learn."""

from collections.abc import Mapping
from datetime import date
from typing import Final

from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncConnection

from api.cases import add_event, require_worker
from api.confirmation import Confirmation
from api.database import Database
from api.errors import Conflict, Forbidden, Invalid, NotFound
from api.field_keys import FieldKeys
from api.identity import Caller, Scope
from api.investigations import NewDisposition, fraud_label_of, latest_disposition, record_audited, recovered_of
from api.samples import repository
from api.samples.records import (
    LOWERS,
    EntryKind,
    RecoupmentEntry,
    RecoupmentRecord,
    SampleDetails,
    SampleItem,
)
from api.samples.service import details_of, found_sample
from claims.money import format_cents
from claims.review import RECOVERS, Disposition
from core import clock
from core.ids import new_id

_WHY: Final = "; that is required of demands for overpayments and of the lines of their ledger"
NO_DEMAND: Final = "nothing is demanded for this sample yet"


async def demand(
    database: Database,
    keys: FieldKeys,
    caller: Caller,
    case_id: str,
    sample_id: str,
    *,
    due_on: date,
    appeal_until: date,
    confirmation: Confirmation,
) -> SampleDetails:
    """Demand what the fixed estimate says, once. Closed cases, too: a demand may follow the closing.

    Raises `Forbidden` for who may not approve, `NotFound`, `Conflict`, `Invalid` for a date that is not after today;
    `SignatureRequired` and `StepUpRequired` where it was not confirmed.
    """
    _require_approver(caller, "demands an overpayment")
    confirmation.require(_WHY)
    at = clock.now()
    for field, day in (("due_on", due_on), ("appeal_until", appeal_until)):
        if day <= at.date():
            raise Invalid.field(field, "must be after today")
    async with database.transaction() as connection:
        found = await found_sample(connection, case_id, sample_id, lock=True)
        if found.estimate is None:
            raise Conflict("the estimate of this sample is not fixed; review its claims first")
        if await repository.find_recoupment(connection, sample_id) is not None:
            raise Conflict("the overpayment of this sample is demanded already")
        cents = found.estimate.demand_cents
        if cents == 0:
            raise Conflict("the estimate of this sample shows no overpayment that could be demanded")
        made = RecoupmentRecord(
            recoupment_id=new_id("rcp"),
            sample_id=sample_id,
            case_id=case_id,
            provider_id=found.provider_id,
            demanded_cents=cents,
            demanded_at=at,
            demanded_by=caller.actor_id,
            due_on=due_on,
            appeal_until=appeal_until,
        )
        await repository.add_recoupment(connection, made)
        first = RecoupmentEntry(1, at, caller.actor_id, EntryKind.DEMANDED.value, cents, cents, {})
        await repository.add_entry(connection, made.recoupment_id, first)
        details: dict[str, JsonValue] = {
            "sample_id": sample_id,
            "recoupment_id": made.recoupment_id,
            "cents": cents,
            "due_on": due_on.isoformat(),
            "appeal_until": appeal_until.isoformat(),
        }
        await add_event(connection, keys, caller, case_id, "recoupment.demand", details)
        return await details_of(connection, found)


async def add_entry(
    database: Database,
    keys: FieldKeys,
    caller: Caller,
    case_id: str,
    sample_id: str,
    kind: EntryKind,
    amount_cents: int,
    *,
    confirmation: Confirmation,
    claims: Mapping[str, int] | None = None,
) -> SampleDetails:
    """Add a line to the ledger of a demand.

    Of received money, `claims` says which reviewed claims it is for; left out, it is assigned to the overpaid ones in
    the order of the draw, up to what was overpaid for each, and the rest to none. What is assigned is recorded as
    recovered with the claim. Raises `Forbidden`, `NotFound`, `Conflict`, `Invalid` for an amount above the balance;
    `SignatureRequired` and `StepUpRequired` where it was not confirmed.
    """
    if kind in (EntryKind.REDUCED, EntryKind.WRITTEN_OFF):
        _require_approver(caller, "lowers a demand")
    require_worker(caller)
    confirmation.require(_WHY)
    if kind is EntryKind.DEMANDED:
        raise Invalid.field("kind", "must not be demanded: an overpayment is demanded once")
    if claims and kind is not EntryKind.RECEIVED:
        raise Invalid.field("claims", "must be left out: only received money is for claims")
    async with database.transaction() as connection:
        found = await found_sample(connection, case_id, sample_id, lock=True)
        recoupment = await repository.find_recoupment(connection, sample_id, lock=True)
        if recoupment is None:
            raise NotFound(NO_DEMAND)
        entries = await repository.entries_of(connection, recoupment.recoupment_id)
        balance = entries[-1].balance_cents
        if not 0 < amount_cents <= balance:
            raise Invalid.field("amount", f"must be above 0 and at most the balance of {format_cents(balance)}")
        assigned: dict[str, int] = {}
        if kind is EntryKind.RECEIVED:
            items = await repository.items_of(connection, sample_id)
            recovered = await recovered_of(connection, [one.claim_id for one in items])
            open_cents = _open_of(items, entries, recovered)
            assigned = _assigned(open_cents, amount_cents) if claims is None else dict(claims)
            _check_assigned(assigned, open_cents, amount_cents)
        entry = RecoupmentEntry(
            entry_no=len(entries) + 1,
            at=clock.now(),
            by=caller.actor_id,
            kind=kind.value,
            amount_cents=amount_cents,
            balance_cents=balance - amount_cents if kind in LOWERS else balance,
            claims=assigned,
        )
        for claim_id in sorted(assigned):  # one order, so that no two transactions wait for each other
            note = f"recoupment {recoupment.recoupment_id}, line {entry.entry_no}"
            await _record_recovered(connection, keys, caller, claim_id, assigned[claim_id], note)
        await repository.add_entry(connection, recoupment.recoupment_id, entry)
        details: dict[str, JsonValue] = {
            "sample_id": sample_id,
            "recoupment_id": recoupment.recoupment_id,
            "cents": amount_cents,
            "balance_cents": entry.balance_cents,
            "claims": dict(assigned),
        }
        await add_event(connection, keys, caller, case_id, f"recoupment.{kind.value}", details)
        return await details_of(connection, found)


def _require_approver(caller: Caller, act: str) -> None:
    require_worker(caller)
    if not caller.may(Scope.APPROVE):
        raise Forbidden(f"a lead investigator {act}; ask one")


def _open_of(items: list[SampleItem], entries: list[RecoupmentEntry], recovered: Mapping[str, int]) -> dict[str, int]:
    """What was overpaid for each reviewed claim and can still be recovered, in the order of the draw.

    Of a claim that another sample or investigation recovered money of, that is at most what is left of its payment.
    """
    found = {one.claim_id: one.overpaid_cents or 0 for one in items}
    for entry in entries:
        for claim_id, cents in entry.claims.items():
            found[claim_id] -= cents
    left = {one.claim_id: one.paid_cents - recovered.get(one.claim_id, 0) for one in items}
    return {claim_id: min(cents, left[claim_id]) for claim_id, cents in found.items() if min(cents, left[claim_id]) > 0}


def _assigned(open_cents: Mapping[str, int], amount_cents: int) -> dict[str, int]:
    assigned = {}
    for claim_id, cents in open_cents.items():
        part = min(cents, amount_cents)
        if part == 0:
            break
        assigned[claim_id] = part
        amount_cents -= part
    return assigned


def _check_assigned(assigned: Mapping[str, int], open_cents: Mapping[str, int], amount_cents: int) -> None:
    for claim_id, cents in assigned.items():
        most = open_cents.get(claim_id, 0)
        if not 0 < cents <= most:
            raise Invalid.field(
                "claims", f"{claim_id} must get above 0 and at most {format_cents(most)}, what is open of it"
            )
    if sum(assigned.values()) > amount_cents:
        raise Invalid.field("claims", f"must sum to at most {format_cents(amount_cents)}, what was received")


async def _record_recovered(
    connection: AsyncConnection, keys: FieldKeys, caller: Caller, claim_id: str, cents: int, note: str
) -> None:
    """Record recovered money with a claim. A finding that recovers money, or a label of fraud, stays what it is."""
    found, kind = Disposition.OVERPAYMENT, None
    earlier = await latest_disposition(connection, keys, claim_id)
    label = await fraud_label_of(connection, claim_id) if earlier is None else None
    if earlier is not None and Disposition(earlier.disposition) in RECOVERS:
        found, kind = Disposition(earlier.disposition), earlier.kind
    elif label is not None:
        found, kind, note = Disposition.CONFIRMED, label.kind, f"{note}; fraud by the label that was loaded"
    new = NewDisposition(found.value, caller.name, amount_recovered_cents=cents, kind=kind, note=note)
    await record_audited(connection, keys, caller, claim_id, new)
