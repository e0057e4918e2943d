"""Procedures, diagnoses and reference statistics, as the rules see them."""

from collections.abc import Iterable
from datetime import date

from pydantic import TypeAdapter
from sqlalchemy import BindParameter, CollectionAggregate, ScalarSelect, Select, any_, bindparam, select, union_all
from sqlalchemy.dialects.postgresql import ARRAY, TEXT

from api.catalog.tables import DiagnosisRow, ProcedureRow, ReferenceStatisticRow
from api.database import Query, Rows, compiled
from api.providers import region_of
from claims.plausibility import COLUMNS, PriceReference, References, ReferenceScope
from claims.reference import Diagnosis, Limits, Procedure
from claims.validity import ValidityPeriod

_PERIODS = TypeAdapter(tuple[ValidityPeriod, ...])

# One array instead of a list of parameters: one statement, prepared once, whatever the number of codes.
_CODES = bindparam("codes", type_=ARRAY(TEXT))

_PROCEDURES = compiled(
    select(
        ProcedureRow.procedure_code,
        ProcedureRow.sex,
        ProcedureRow.min_age_years,
        ProcedureRow.max_age_years,
        ProcedureRow.max_units,
        ProcedureRow.typical_cents,
        ProcedureRow.average_cents,
        ProcedureRow.average_claims,
        ProcedureRow.valid_from,
        ProcedureRow.valid_to,
        ProcedureRow.earlier_periods,
    ).where(ProcedureRow.procedure_code == any_(_CODES))
)

_DIAGNOSES = compiled(
    select(DiagnosisRow.diagnosis_code, DiagnosisRow.sex, DiagnosisRow.min_age_years, DiagnosisRow.max_age_years).where(
        DiagnosisRow.diagnosis_code == any_(_CODES)
    )
)


def procedures(codes: Iterable[str]) -> Query[dict[str, Procedure]]:
    """The procedures with these codes; unknown codes are left out."""

    def read(rows: Rows) -> dict[str, Procedure]:
        found = {}
        for row in rows:
            values = (row[0], Limits(*row[1:4]), *row[4:8], _validity(*row[8:]))
            found[row[0]] = Procedure(*values)
        return found

    return Query(_PROCEDURES, {"codes": sorted(set(codes))}, read)


def _validity(first: date | None, last: date | None, earlier: object) -> tuple[ValidityPeriod, ...]:
    if first is None and last is None and earlier is None:
        return ()
    return (*(() if earlier is None else _PERIODS.validate_python(earlier)), ValidityPeriod(first, last))


def diagnoses(codes: Iterable[str]) -> Query[dict[str, Diagnosis]]:
    """The diagnoses with these codes; unknown codes are left out."""

    def read(rows: Rows) -> dict[str, Diagnosis]:
        return {row[0]: Diagnosis(row[0], Limits(*row[1:4])) for row in rows}

    return Query(_DIAGNOSES, {"codes": sorted(set(codes))}, read)


_PROVIDER_ID: BindParameter[str] = bindparam("provider_id")
_ANY_CODE = any_(_CODES)


def _references_in(
    scope: ReferenceScope,
    codes: CollectionAggregate[bool] | str,
    entity: BindParameter[str] | ScalarSelect[str | None] | str,
) -> Select[tuple[object, ...]]:
    """The statistics of one scope: each part of the union is a look-up in the primary key."""
    row = ReferenceStatisticRow
    return select(*(row.__table__.c[name] for name in COLUMNS)).where(
        row.procedure_code == codes, row.scope == scope.value, row.entity == entity
    )


_REFERENCES = compiled(
    union_all(
        _references_in(ReferenceScope.PROCEDURE, _ANY_CODE, ""),
        _references_in(ReferenceScope.REGION, _ANY_CODE, region_of(_PROVIDER_ID)),
        _references_in(ReferenceScope.PROVIDER, _ANY_CODE, _PROVIDER_ID),
        _references_in(ReferenceScope.HISTORY, "", _PROVIDER_ID),
    )
)


def references(provider_id: str, codes: Iterable[str]) -> Query[References]:
    """The reference statistics for a claim of this provider with these procedures."""
    return Query(_REFERENCES, {"provider_id": provider_id, "codes": sorted(set(codes))}, _read_references)


def _read_references(rows: Rows) -> References:
    return References.of(PriceReference(row[0], row[1], ReferenceScope(row[2]), *row[3:]) for row in rows)
