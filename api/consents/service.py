"""Recording, withdrawing and listing consents. Each change is one transaction with its event and its audit row."""

import re
from dataclasses import dataclass, replace
from datetime import date, datetime, tzinfo
from typing import Final

from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncConnection

from api import audit, outbox
from api.audit import Subject
from api.consents import repository
from api.consents.records import Consent, ConsentKind, ConsentScope
from api.database import Database, Query, fetch
from api.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from api.identity import Caller, Scope
from api.members import lock_member
from api.paging import ListPage, PageCursor
from api.purposes import WITH_RECORDS
from claims.service_days import receipt_day
from core import clock
from core.ids import new_id

MAX_PLACE: Final = 200
PLACE: Final = r"^[A-Za-z0-9][A-Za-z0-9._:/#-]*$"
SHA256: Final = r"^[0-9a-f]{64}$"
_NO_MEMBER: Final = "member not found; check its id"
_NO_CONSENT: Final = "consent not found; `GET /v1/members/{member_id}/consents` shows those of the member"


@dataclass(frozen=True, slots=True)
class NewConsent:
    """What a member says about a purpose. Without `first_day`, from today on."""

    member_id: str
    purpose: str
    kind: ConsentKind
    scope: ConsentScope = ConsentScope.ALL
    first_day: date | None = None
    last_day: date | None = None
    document_sha256: str | None = None
    document_place: str | None = None

    def check(self) -> None:
        """Raise `Invalid`, naming each field that is not allowed, what is, and what to do."""
        errors = []
        if self.purpose not in WITH_RECORDS:
            errors.append(FieldError("purpose", f"must be one of {', '.join(WITH_RECORDS)}; others need no consent"))
        elif self.kind is not (expected := ConsentKind.of(self.purpose)):
            errors.append(
                FieldError("kind", f"must be {expected.value} for {self.purpose}; to end one, withdraw it by its id")
            )
        if self.first_day is not None and self.last_day is not None and self.last_day < self.first_day:
            errors.append(FieldError("last_day", "must not be before first_day; leave it out for no end"))
        errors += self._of_document()
        if errors:
            raise Invalid("; ".join(f"{one.field} {one.message}" for one in errors), errors)

    def _of_document(self) -> list[FieldError]:
        digest, place = self.document_sha256, self.document_place
        errors = []
        if digest is not None and not re.fullmatch(SHA256, digest):
            errors.append(FieldError("document_sha256", "must be 64 hexadecimal digits in lower case"))
        if place is not None and not (len(place) <= MAX_PLACE and re.fullmatch(PLACE, place)):
            errors.append(
                FieldError(
                    "document_place",
                    f"must be a reference of 1 to {MAX_PLACE} letters, digits and ._:/#-, a letter or digit first",
                )
            )
        if (digest is None) != (place is None):
            missing = "document_sha256" if digest is None else "document_place"
            errors.append(FieldError(missing, "must be sent too: a document has a hash and a place"))
        elif digest is None and self.kind is ConsentKind.GRANTED:
            errors.append(
                FieldError("document_sha256", "must be the SHA-256 of the signed document; send document_place, too")
            )
        return errors


@dataclass(frozen=True, slots=True)
class RecordedConsent:
    """A consent after it was recorded."""

    consent: Consent
    is_new: bool
    """False: the same was recorded before, and is not withdrawn."""


class Consents:
    """The service of consents. Periods are of days in `zone`, the insurer's time zone."""

    def __init__(self, database: Database, zone: tzinfo) -> None:
        self._database = database
        self._zone = zone

    def today(self) -> date:
        """The current day, on which a consent is in force or not."""
        return receipt_day(clock.now(), self._zone)

    async def record(self, caller: Caller, new: NewConsent) -> RecordedConsent:
        """Record what a member says, effective with the next request; the same again is recorded once.

        Without `first_day`, one that began earlier is the same.
        Raises `Invalid`, `NotFound`, `Conflict` where the member was erased or said something else for one of the
        days, and `Forbidden` for a consent that a caller who may only withdraw would give.
        """
        _require_own(caller, new.member_id)
        if new.kind is ConsentKind.GRANTED and not caller.may(Scope.CONSENTS_RECORD):
            raise Forbidden("a consent is recorded by the insurer from a signed document; a member can object itself")
        new.check()
        at = clock.now()
        consent = Consent(
            consent_id=new_id("cns"),
            member_id=new.member_id,
            purpose=new.purpose,
            kind=new.kind,
            scope=new.scope,
            first_day=new.first_day or receipt_day(at, self._zone),
            last_day=new.last_day,
            document_sha256=new.document_sha256,
            document_place=new.document_place,
            recorded_at=at,
            recorded_by=caller.actor_id,
        )
        if consent.last_day is not None and consent.last_day < consent.first_day:
            raise Invalid.field("last_day", "must be today or later; or send first_day, too")
        async with self._database.transaction() as connection:
            await fetch(connection, lock_member(new.member_id))
            member = await repository.consenting_member(connection, new.member_id)
            if not member.is_stored:
                raise NotFound(_NO_MEMBER)
            if member.is_erased:
                raise Conflict("this member was erased; nothing is recorded for it any more")
            for earlier in await repository.consents_of(connection, new.member_id, new.purpose):
                same = (
                    consent if new.first_day else replace(consent, first_day=min(consent.first_day, earlier.first_day))
                )
                if earlier == _with_record_of(same, earlier):
                    return RecordedConsent(earlier, is_new=False)
                if earlier.overlaps(consent.first_day, consent.last_day):
                    raise Conflict(
                        f"{earlier.consent_id} is recorded for {new.purpose} and one of these days; withdraw it first, "
                        "or send other days"
                    )
            await repository.add_consent(connection, consent)
            await _changed(connection, caller, "consent.record", consent, consent.kind.value)
        return RecordedConsent(consent, is_new=True)

    async def withdraw(self, caller: Caller, member_id: str, consent_id: str) -> Consent:
        """Withdraw a consent or an objection, effective with the next request; again, it stays as it is.

        Raises `NotFound`.
        """
        _require_own(caller, member_id)
        at = clock.now()
        async with self._database.transaction() as connection:
            await fetch(connection, lock_member(member_id))
            consent = await repository.find_consent(connection, consent_id, member_id)
            if consent is None:
                raise NotFound(_NO_CONSENT)
            if consent.withdrawn_at is not None:
                return consent
            await repository.add_withdrawal(connection, consent_id, by=caller.actor_id, at=at)
            await _changed(connection, caller, "consent.withdraw", consent, "withdrawn")
        return replace(consent, withdrawn_at=at, withdrawn_by=caller.actor_id)

    async def get(self, caller: Caller, consent_id: str) -> Consent:
        """What a member said once; raises `NotFound`, also where it is of another member than the caller."""
        if not caller.is_bound_as_declared:
            raise NotFound(_NO_CONSENT)
        async with self._database.reading() as connection:
            consent = await repository.find_consent(connection, consent_id, caller.member_id)
        if consent is None:
            raise NotFound(_NO_CONSENT)
        return consent

    async def page(self, caller: Caller, member_id: str, *, after: PageCursor | None, limit: int) -> ListPage[Consent]:
        """What a member said, the oldest first; raises `NotFound` for an unknown member, or not the caller's own."""
        _require_own(caller, member_id)
        place = None if after is None else (after.received_at, after.item_id)
        async with self._database.reading() as connection:
            found = await repository.consents_after(connection, member_id, place, limit + 1)
            if not found and after is None:
                member = await repository.consenting_member(connection, member_id)
                if not (member.is_stored or member.is_erased):
                    raise NotFound(_NO_MEMBER)
        shown = found[:limit]
        return ListPage(shown, PageCursor(shown[-1].recorded_at, shown[-1].consent_id) if len(found) > limit else None)


def _require_own(caller: Caller, member_id: str) -> None:
    if not caller.is_bound_as_declared or caller.member_id not in (None, member_id):
        raise NotFound(_NO_MEMBER)


def _with_record_of(consent: Consent, earlier: Consent) -> Consent:
    """What a consent would be if it had been recorded as an earlier one was."""
    return replace(
        consent,
        consent_id=earlier.consent_id,
        recorded_at=earlier.recorded_at,
        recorded_by=earlier.recorded_by,
    )


async def withdraw_all(connection: AsyncConnection, caller: Caller, member_id: str, at: datetime) -> int:
    """Withdraw every consent of a member, which is locked, with its event; objections stay. Returns how many."""
    given = await repository.given_consents(connection, member_id)
    for consent in given:
        await repository.add_withdrawal(connection, consent.consent_id, by=caller.actor_id, at=at)
        await fetch(connection, _event(consent, "withdrawn", at))
    return len(given)


def _event(consent: Consent, state: str, at: datetime) -> Query[None]:
    payload: dict[str, JsonValue] = {"consent_id": consent.consent_id, "purpose": consent.purpose, "state": state}
    return outbox.add(outbox.CONSENT_CHANGED, consent.member_id, payload, at)


async def _changed(connection: AsyncConnection, caller: Caller, act: str, consent: Consent, state: str) -> None:
    at = clock.now()
    details: dict[str, JsonValue] = {
        "consent": consent.consent_id,
        "purpose": consent.purpose,
        "state": state,
    }
    subject = Subject("member", consent.member_id)
    await fetch(connection, _event(consent, state, at))
    await fetch(connection, audit.record(caller, act, None, details, at, subject=subject))
