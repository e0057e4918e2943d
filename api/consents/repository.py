"""Consents in the database."""

from dataclasses import dataclass, fields
from datetime import datetime
from enum import Enum

from sqlalchemy import Executable, Row, exists, insert, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from api.consents.records import Consent, ConsentKind, ConsentScope
from api.consents.tables import ConsentRow, ConsentWithdrawalRow
from api.field_keys import MemberKeyRow
from api.members import MemberRow

_OF_WITHDRAWAL = ("withdrawn_at", "withdrawn_by")
_STORED = tuple(one.name for one in fields(Consent) if one.name not in _OF_WITHDRAWAL)
_CONSENTS = select(
    *(ConsentRow.__table__.c[name] for name in _STORED),
    *(ConsentWithdrawalRow.__table__.c[name] for name in _OF_WITHDRAWAL),
).outerjoin(ConsentWithdrawalRow, ConsentWithdrawalRow.consent_id == ConsentRow.consent_id)


@dataclass(frozen=True, slots=True)
class ConsentingMember:
    """Whether the registry has a member, and whether it was erased."""

    is_stored: bool
    is_erased: bool


async def consenting_member(connection: AsyncConnection, member_id: str) -> ConsentingMember:
    """What is stored of a member that something is to be recorded about."""
    is_stored = exists().where(MemberRow.member_id == member_id)
    is_erased = exists().where(MemberKeyRow.member_id == member_id, MemberKeyRow.erased_at.is_not(None))
    row = (await connection.execute(select(is_stored, is_erased))).one()
    return ConsentingMember(*row)


async def consents_of(connection: AsyncConnection, member_id: str, purpose: str) -> list[Consent]:
    """What a member said about a purpose and did not withdraw, the oldest first."""
    statement = _CONSENTS.where(
        ConsentRow.member_id == member_id,
        ConsentRow.purpose == purpose,
        ConsentWithdrawalRow.consent_id.is_(None),
    )
    return await _read(connection, statement.order_by(ConsentRow.recorded_at, ConsentRow.consent_id))


async def find_consent(connection: AsyncConnection, consent_id: str, member_id: str | None) -> Consent | None:
    """A consent of a member, or of any; `None`: unknown."""
    statement = _CONSENTS.where(ConsentRow.consent_id == consent_id)
    if member_id is not None:
        statement = statement.where(ConsentRow.member_id == member_id)
    return next(iter(await _read(connection, statement)), None)


async def consents_after(
    connection: AsyncConnection, member_id: str, place: tuple[datetime, str] | None, limit: int
) -> list[Consent]:
    """What a member said, recorded after a place, the oldest first; withdrawn and expired, too."""
    statement = _CONSENTS.where(ConsentRow.member_id == member_id)
    if place is not None:
        statement = statement.where(tuple_(ConsentRow.recorded_at, ConsentRow.consent_id) > place)
    return await _read(connection, statement.order_by(ConsentRow.recorded_at, ConsentRow.consent_id).limit(limit))


async def add_consent(connection: AsyncConnection, consent: Consent) -> None:
    """Store what a member said."""
    values = {name: _stored(getattr(consent, name)) for name in _STORED}
    await connection.execute(insert(ConsentRow).values(values))


async def add_withdrawal(connection: AsyncConnection, consent_id: str, *, by: str, at: datetime) -> None:
    """Store that a consent is withdrawn."""
    values = {"consent_id": consent_id, "withdrawn_at": at, "withdrawn_by": by}
    await connection.execute(insert(ConsentWithdrawalRow).values(values))


async def given_consents(connection: AsyncConnection, member_id: str) -> list[Consent]:
    """The consents of a member that are not withdrawn, whatever their period; without objections."""
    statement = _CONSENTS.where(
        ConsentRow.member_id == member_id,
        ConsentRow.kind == ConsentKind.GRANTED.value,
        ConsentWithdrawalRow.consent_id.is_(None),
    )
    return await _read(connection, statement.order_by(ConsentRow.recorded_at, ConsentRow.consent_id))


async def _read(connection: AsyncConnection, statement: Executable) -> list[Consent]:
    return [_consent(row) for row in await connection.execute(statement)]


def _consent(row: Row[tuple[object, ...]]) -> Consent:
    values = dict(row._mapping)
    return Consent(**{**values, "kind": ConsentKind(values["kind"]), "scope": ConsentScope(values["scope"])})


def _stored(value: object) -> object:
    return value.value if isinstance(value, Enum) else value
