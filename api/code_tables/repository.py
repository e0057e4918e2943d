"""The tables in force for a claim, for its edits and for its prices: a look-up in the primary key for each code."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Date,
    Select,
    Text,
    and_,
    any_,
    bindparam,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY, array, distinct_on

from api.code_tables.tables import CodeTableEntryRow, CodeTableImportRow
from api.database import Query, Rows, Statement, compiled
from api.providers import npi_of
from claims.claim import Claim
from claims.code_tables import EDIT_TABLES, PRICE_TABLES, TableEntry, TableKind, TablesInForce
from claims.payment import contract_key

_KNOWN_AT: BindParameter[datetime] = bindparam("known_at")
_day = func.unnest(bindparam("days", type_=ARRAY(Date))).table_valued("day").render_derived(name="days").c.day
_imports, _entries = CodeTableImportRow, CodeTableEntryRow


def select_releases(
    kinds: ColumnElement[Sequence[str]] | ColumnElement[list[str]],
) -> Select[tuple[date, str, str, int]]:
    """Day, kind, release and id of the releases of some kinds in force on each of `days`, of those known at `known_at`.

    The rule is written here only: the last one that is valid on the day.
    """
    return (
        select(_day.label("day"), _imports.kind, _imports.release, _imports.import_id)
        .ext(distinct_on(_day, _imports.kind))
        .join_from(
            _day.table,
            _imports,
            and_(
                _imports.kind == any_(kinds),
                _imports.valid_from <= _day,
                _imports.known_from <= _KNOWN_AT,
                or_(_imports.known_until.is_(None), _imports.known_until > _KNOWN_AT),
            ),
        )
        .order_by(_day, _imports.kind, _imports.valid_from.desc(), _imports.import_id.desc())
    )


def _in_force(kinds: Sequence[TableKind], codes: ColumnElement[list[str]]) -> Statement:
    """The releases of some kinds that are valid on each day, with their entries for the codes.

    Of those known at the claim's receipt: checked again, it is checked alike.
    """
    releases = select_releases(literal([kind.value for kind in kinds], ARRAY(Text))).cte("in_force")
    return compiled(
        select(
            releases.c.day,
            releases.c.kind,
            releases.c.release,
            _entries.code,
            _entries.other,
            _entries.first_day,
            _entries.last_day,
            _entries.number,
            _entries.indicator,
        ).select_from(
            releases.outerjoin(
                _entries,
                and_(
                    _entries.import_id == releases.c.import_id,
                    _entries.code == any_(codes),
                    _entries.other == any_(bindparam("others", type_=ARRAY(Text))),
                ),
            )
        )
    )


_CODES: BindParameter[Any] = bindparam("codes", type_=ARRAY(Text))
_FOR_EDITS = _in_force(EDIT_TABLES, func.array_cat(_CODES, array([npi_of(bindparam("provider_id"))])))
_PRICES = _in_force(PRICE_TABLES, _CODES)


def tables_in_force(claim: Claim) -> Query[TablesInForce]:
    """The releases that edits read, in force on the days of service of a claim, as known at its receipt."""
    codes = {line.procedure_code for line in claim.lines} | set(claim.diagnosis_codes)
    params = {
        "days": days_of_service(claim),
        "known_at": claim.received_at,
        "codes": sorted(codes),
        "others": ["", *sorted(codes)],  # of a pair; the entries of other tables have none
        "provider_id": claim.provider_id,
    }
    return Query(_FOR_EDITS, params, _read)


def prices_in_force(claim: Claim) -> Query[TablesInForce]:
    """The fee schedule and contracts in force on the days of service of a claim, as known at its receipt."""
    params = {
        "days": days_of_service(claim),
        "known_at": claim.received_at,
        "codes": sorted({line.procedure_code for line in claim.lines}),
        "others": sorted(price_keys(claim)),
    }
    return Query(_PRICES, params, _read)


def price_keys(claim: Claim) -> set[str]:
    """How fee schedule and contracts may name a claim's modifiers and provider (`TableEntry.other`)."""
    modifiers = {"", *(modifier for line in claim.lines for modifier in line.modifiers)}
    return modifiers | {contract_key(claim.provider_id, modifier) for modifier in modifiers}


def days_of_service(claim: Claim) -> list[date]:
    """The days on which a claim's tables are looked up."""
    dated = {line.service_date for line in claim.lines if line.service_date}
    return sorted({claim.service_from, claim.service_to, *dated})


def _read(rows: Rows) -> TablesInForce:
    return TablesInForce.of(
        (row[0], TableKind(row[1]), row[2], None if row[3] is None else TableEntry(*row[3:])) for row in rows
    )
