"""The claims of a set (`counted_sets.py`), read a page at a time or all at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from api.console.claim.counted_sets import COUNTED_SETS, CountedFor, CountedSet
from api.console.reading import NO_CLAIM
from api.database import Database
from api.errors import Invalid
from api.intake import no_claim
from api.paging import PageCursor

PAGE_ROWS: Final = 100
"""Claims on a page."""
MAX_EXPORTED: Final = 50_000
"""Claims in a CSV file."""


@dataclass(frozen=True, slots=True)
class CountedClaim:
    """A claim of a set."""

    claim_id: str
    received_at: datetime
    service_from: date
    provider_id: str | None
    member_id: str | None
    procedure_code: str | None
    amount_cents: int
    approved_cents: int
    status: str
    voided_at: datetime | None


@dataclass(frozen=True, slots=True)
class Anchor:
    """What a set is about: a claim, or a provider, a member or both."""

    claim_id: str | None = None
    provider_id: str | None = None
    member_id: str | None = None
    procedure_code: str | None = None
    region: str | None = None
    specialty: str | None = None
    service_from: date | None = None
    received_at: datetime | None = None

    @property
    def parameters(self) -> Mapping[str, object]:
        """The parameters of the conditions of the sets."""
        values: dict[str, object] = {one.name: getattr(self, one.name) for one in fields(self)}
        if self.received_at is not None:
            midnight = self.received_at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
            values |= {"midnight": midnight, "new_year": midnight.replace(month=1, day=1)}
        return values

    def lacks(self, one: CountedSet) -> bool:
        """Whether the set is empty because the claim has no value for what it is counted by."""
        return any(getattr(self, name) is None for name in one.needs)


@dataclass(frozen=True, slots=True)
class CountedPage:
    """A page of a set, and how many claims the whole set has."""

    about: CountedSet
    anchor: Anchor
    claims: list[CountedClaim]
    total: int
    scored: float | None
    """What the latest score counted; `None`: the set is no feature of it."""
    next_place: PageCursor | None


_COLUMNS: Final = ", ".join(one.name for one in fields(CountedClaim))
_ANCHOR: Final = text(
    "SELECT claim_id, provider_id, member_id, procedure_code, region, specialty, service_from, received_at "
    "FROM claims WHERE claim_id = :claim_id"
)
_SCORED: Final = text(
    "SELECT (vector ->> CAST(:name AS text))::float8 FROM assessments "
    "WHERE claim_id = :claim_id AND vector IS NOT NULL ORDER BY made_at DESC LIMIT 1"
)


class CountedClaimLists:
    """Reads sets of claims."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, name: str, requested: Anchor, after: PageCursor | None) -> CountedPage:
        """A page of a set, latest first; raises `Invalid`, `NotFound`."""
        one = set_named(name)
        async with self._database.reading() as connection:
            anchor = await _anchor(connection, one, requested)
            claims, total, scored = await _rows(connection, one, anchor, after, PAGE_ROWS + 1), 0, None
            total = await count_of(connection, one, anchor)
            if one.about is CountedFor.CLAIM:
                scored = (await connection.execute(_SCORED, {"name": name, "claim_id": anchor.claim_id})).scalar()
        more = len(claims) > PAGE_ROWS
        claims = claims[:PAGE_ROWS]
        place = PageCursor(claims[-1].received_at, claims[-1].claim_id) if more else None
        return CountedPage(one, anchor, claims, total, scored, place)

    async def every(self, name: str, requested: Anchor) -> tuple[CountedSet, list[CountedClaim]]:
        """The whole set, latest first; raises `Invalid` where it has more than `MAX_EXPORTED` claims, `NotFound`."""
        one = set_named(name)
        async with self._database.reading() as connection:
            anchor = await _anchor(connection, one, requested)
            claims = await _rows(connection, one, anchor, None, MAX_EXPORTED + 1)
        if len(claims) > MAX_EXPORTED:
            raise Invalid.field(
                "set", f"has more than {MAX_EXPORTED:,} claims; use `GET /v1/exports/claims` for all claims"
            )
        return one, claims


def set_named(name: str) -> CountedSet:
    """The set of this name; raises `Invalid`."""
    one = COUNTED_SETS.get(name)
    if one is None:
        raise Invalid.field("set", f"is not a set of claims; the sets are {', '.join(COUNTED_SETS)}")
    return one


async def count_of(connection: AsyncConnection, one: CountedSet, anchor: Anchor) -> int:
    """How many claims a set has."""
    if anchor.lacks(one):
        return 0
    where = _where(one, anchor)
    counted = "count(*)" if one.one_per is None else f"count(DISTINCT {one.one_per})"
    statement = text(f"SELECT {counted} FROM claims AS c WHERE {where}")
    return int((await connection.execute(statement, anchor.parameters)).scalar_one())


async def _anchor(connection: AsyncConnection, one: CountedSet, requested: Anchor) -> Anchor:
    if one.about is CountedFor.SUBJECT:
        if requested.claim_id is not None or (requested.provider_id is None and requested.member_id is None):
            raise Invalid.field("set", f"`{one.name}` is about a provider or member; add `provider` or `member`")
        return requested
    if requested.claim_id is None or requested.provider_id is not None or requested.member_id is not None:
        raise Invalid.field("set", f"`{one.name}` is about a claim; add `claim` and nothing else")
    row = (await connection.execute(_ANCHOR, {"claim_id": requested.claim_id})).one_or_none()
    if row is None:
        raise await no_claim(connection, requested.claim_id, unknown=NO_CLAIM)
    return Anchor(*row)


def _where(one: CountedSet, anchor: Anchor) -> str:
    if one.about is CountedFor.CLAIM:
        return one.where
    subjects = [f"c.{name} = :{name}" for name in ("provider_id", "member_id") if getattr(anchor, name) is not None]
    return " AND ".join((*subjects, one.where))


async def _rows(
    connection: AsyncConnection, one: CountedSet, anchor: Anchor, after: PageCursor | None, limit: int
) -> list[CountedClaim]:
    if anchor.lacks(one):
        return []
    where = _where(one, anchor)
    if one.one_per is None:
        source = f"claims AS c WHERE {where}"
    else:
        source = f"""(SELECT DISTINCT ON ({one.one_per}) {_columns_of("c")} FROM claims AS c WHERE {where}
            ORDER BY {one.one_per}, c.received_at, c.claim_id) AS c WHERE TRUE"""
    parameters: dict[str, object] = {**anchor.parameters, "rows": limit}
    if after is not None:
        source += " AND (c.received_at, c.claim_id) < (:after_at, :after_id)"
        parameters |= {"after_at": after.received_at, "after_id": after.item_id}
    statement = text(
        f"SELECT {_columns_of('c')} FROM {source} ORDER BY c.received_at DESC, c.claim_id DESC LIMIT :rows"
    )
    rows: Sequence[Sequence[object]] = (await connection.execute(statement, parameters)).all()
    return [CountedClaim(*row) for row in rows]  # type: ignore[arg-type]


def _columns_of(alias: str) -> str:
    return ", ".join(f"{alias}.{name}" for name in _COLUMNS.split(", "))
