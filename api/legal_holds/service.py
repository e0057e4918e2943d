"""Adding, releasing and listing legal holds. Each change is one transaction with its audit row."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, tzinfo

from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncConnection

from api import audit
from api.audit import AuditedChange, Subject
from api.database import Database, fetch
from api.errors import Conflict, FieldError, Invalid, NotFound
from api.field_keys import FieldKeys
from api.fields import MAX_NOTE
from api.identity import Caller
from api.legal_holds import repository
from api.legal_holds.records import LegalHold
from api.members import lock_member
from api.paging import ListPage, PageCursor
from claims.service_days import receipt_day
from core import clock
from core.ids import new_id


@dataclass(frozen=True, slots=True)
class NewLegalHold:
    """A hold as it is ordered."""

    member_id: str
    case_number: str
    reason: str
    contact: str
    last_day: date | None = None

    def check(self) -> None:
        """Raise `Invalid`, naming each field of a command that is no line of text of its length."""
        limits = {"case_number": 64, "reason": MAX_NOTE, "contact": 200}
        errors = [
            FieldError(name, f"must be 1 to {most} characters on one line")
            for name, most in limits.items()
            if not (text := getattr(self, name)).strip() or len(text) > most or not text.isprintable()
        ]
        if errors:
            raise Invalid("; ".join(f"{one.field} {one.message}" for one in errors), errors)


class LegalHolds:
    """The service of legal holds. A hold ends with its last day in `zone`, the insurer's time zone."""

    def __init__(self, database: Database, keys: FieldKeys, zone: tzinfo) -> None:
        self._database = database
        self._keys = keys
        self._zone = zone

    def today(self) -> date:
        """The current day, on which a hold is in force or has expired."""
        return receipt_day(clock.now(), self._zone)

    async def add(self, caller: Caller, new: NewLegalHold) -> LegalHold:
        """Put a member under a hold, from now on; raises `Invalid`.

        It waits for an erasure of the member that is under way.
        """
        new.check()
        at = clock.now()
        if new.last_day is not None and new.last_day < receipt_day(at, self._zone):
            raise Invalid.field("last_day", "must be today or later; leave it out for a hold until its release")
        hold = LegalHold(
            hold_id=new_id("hold"),
            member_id=new.member_id,
            case_number=new.case_number,
            reason=new.reason,
            contact=new.contact,
            last_day=new.last_day,
            added_at=at,
            added_by=caller.actor_id,
        )
        async with self._database.transaction() as connection:
            await fetch(connection, lock_member(new.member_id))
            if not await repository.is_stored_member(connection, new.member_id):
                raise Invalid.field("member_id", "is no member, and has no claims; check the id")
            await repository.add_hold(connection, self._keys, hold)
            await _audit(connection, self._keys, caller, "legal_hold.add", None, hold)
        return hold

    async def release(self, caller: Caller, hold_id: str, reason: str) -> LegalHold:
        """Release a hold; raises `NotFound`, `Conflict`, `Invalid`."""
        if not reason.strip() or len(reason) > MAX_NOTE or not reason.isprintable():
            raise Invalid.field("reason", f"must be 1 to {MAX_NOTE} characters on one line")
        at = clock.now()
        async with self._database.transaction() as connection:
            hold = await repository.find_hold(connection, self._keys, hold_id)
            if hold is None:
                raise NotFound("legal hold not found; `GET /v1/legal-holds` and `ginja data hold list` show all")
            if hold.released_at is not None:
                raise Conflict(f"the hold was released at {hold.released_at:%Y-%m-%dT%H:%M:%SZ} already")
            await repository.release_hold(connection, self._keys, hold_id, by=caller.actor_id, reason=reason, at=at)
            released = replace(hold, released_at=at, released_by=caller.actor_id, release_reason=reason)
            await _audit(connection, self._keys, caller, "legal_hold.release", hold, released)
        return released

    async def page(self, *, member_id: str | None, after: PageCursor | None, limit: int) -> ListPage[LegalHold]:
        """Holds, the oldest first, released ones too."""
        place = None if after is None else (after.received_at, after.item_id)
        async with self._database.reading() as connection:
            found = await repository.holds_after(connection, self._keys, member_id, place, limit + 1)
        shown = found[:limit]
        return ListPage(shown, PageCursor(shown[-1].added_at, shown[-1].hold_id) if len(found) > limit else None)


async def require_no_hold(
    connection: AsyncConnection, keys: FieldKeys, member_ids: Sequence[str], zone: tzinfo
) -> None:
    """Raise `Conflict`, which says whom to ask, where one of the members is under a hold today in `zone`.

    Holds on a member that is locked (`lock_member`) cannot be added until the transaction ends.
    """
    held = await repository.holds_in_force(connection, keys, member_ids, receipt_day(clock.now(), zone))
    if held:
        raise Conflict("; ".join(one.refusal for one in held))


async def _audit(
    connection: AsyncConnection, keys: FieldKeys, caller: Caller, act: str, before: LegalHold | None, after: LegalHold
) -> None:
    """Holds are evidence of why data were kept: what was before and after outlives the member's key."""
    details: dict[str, JsonValue] = {"hold": after.hold_id}
    change = AuditedChange(None if before is None else _as_json(before), _as_json(after))
    await audit.record_change(
        *(connection, keys, caller, act, details, clock.now(), change),
        subject=Subject("member", after.member_id),
        outlives_member=True,
    )


def _as_json(hold: LegalHold) -> dict[str, JsonValue]:
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in asdict(hold).items()}
