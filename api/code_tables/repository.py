"""The tables in force for a claim: one statement, a look-up in the primary key for each code."""

from datetime import datetime

from sqlalchemy import BindParameter, Date, Text, and_, any_, bindparam, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY, array, distinct_on

from api.code_tables.tables import CodeTableEntryRow, CodeTableImportRow
from api.database import Query, Rows, compiled
from api.providers import npi_of
from claims.claim import Claim
from claims.code_tables import TableEntry, TableKind, TablesInForce

_KNOWN_AT: BindParameter[datetime] = bindparam("known_at")
_day = func.unnest(bindparam("days", type_=ARRAY(Date))).table_valued("day").render_derived(name="days").c.day
_imports, _entries = CodeTableImportRow, CodeTableEntryRow

# The release that is valid on each day, of those known at the claim's receipt: checked again, it is checked alike.
_in_force = (
    select(_day.label("day"), _imports.kind, _imports.release, _imports.import_id)
    .ext(distinct_on(_day, _imports.kind))
    .join_from(
        _day.table,
        _imports,
        and_(
            _imports.valid_from <= _day,
            _imports.known_from <= _KNOWN_AT,
            or_(_imports.known_until.is_(None), _imports.known_until > _KNOWN_AT),
        ),
    )
    .order_by(_day, _imports.kind, _imports.valid_from.desc(), _imports.import_id.desc())
    .cte("in_force")
)
_codes = func.array_cat(bindparam("codes", type_=ARRAY(Text)), array([npi_of(bindparam("provider_id"))]))
_IN_FORCE = compiled(
    select(
        _in_force.c.day,
        _in_force.c.kind,
        _in_force.c.release,
        _entries.code,
        _entries.other,
        _entries.first_day,
        _entries.last_day,
        _entries.number,
        _entries.indicator,
    ).select_from(
        _in_force.outerjoin(
            _entries,
            and_(
                _entries.import_id == _in_force.c.import_id,
                _entries.code == any_(_codes),
                _entries.other == any_(bindparam("others", type_=ARRAY(Text))),
            ),
        )
    )
)


def tables_in_force(claim: Claim) -> Query[TablesInForce]:
    """The releases in force on the days of service of a claim, as known at its receipt."""
    days = {claim.service_from, claim.service_to, *(line.service_date for line in claim.lines if line.service_date)}
    codes = {line.procedure_code for line in claim.lines} | set(claim.diagnosis_codes)
    params = {
        "days": sorted(days),
        "known_at": claim.received_at,
        "codes": sorted(codes),
        "others": ["", *sorted(codes)],  # of a pair; the entries of other tables have none
        "provider_id": claim.provider_id,
    }
    return Query(_IN_FORCE, params, _read)


def _read(rows: Rows) -> TablesInForce:
    return TablesInForce.of(
        (row[0], TableKind(row[1]), row[2], None if row[3] is None else TableEntry(*row[3:])) for row in rows
    )
