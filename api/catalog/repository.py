"""The catalogue, as the rules know it."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Select, any_, bindparam, select, union_all
from sqlalchemy.dialects.postgresql import ARRAY, TEXT

from api.catalog.tables import DiagnosisRow, ProcedureRow, ReferenceStatisticRow
from api.database import Query, Rows, compiled
from api.providers.tables import ProviderRow
from claims.plausibility import COLUMNS, PriceReference, References, ReferenceScope
from claims.reference import Diagnosis, Limits, Procedure

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
    ).where(ProcedureRow.procedure_code == any_(_CODES))
)

_DIAGNOSES = compiled(
    select(DiagnosisRow.diagnosis_code, DiagnosisRow.sex, DiagnosisRow.min_age_years, DiagnosisRow.max_age_years).where(
        DiagnosisRow.diagnosis_code == any_(_CODES)
    )
)


def procedures(codes: Iterable[str]) -> Query[dict[str, Procedure]]:
    """The procedures of these codes that there are."""

    def read(rows: Rows) -> dict[str, Procedure]:
        return {row[0]: Procedure(row[0], Limits(*row[1:4]), *row[4:]) for row in rows}

    return Query(_PROCEDURES, {"codes": sorted(set(codes))}, read)


def diagnoses(codes: Iterable[str]) -> Query[dict[str, Diagnosis]]:
    """The diagnoses of these codes that there are."""

    def read(rows: Rows) -> dict[str, Diagnosis]:
        return {row[0]: Diagnosis(row[0], Limits(*row[1:4])) for row in rows}

    return Query(_DIAGNOSES, {"codes": sorted(set(codes))}, read)


def _references_in(scope: ReferenceScope, codes: Any, entity: Any) -> Select[Any]:
    """One arm a scope, so that each is a look-up in the primary key."""
    row = ReferenceStatisticRow
    return select(*(row.__table__.c[name] for name in COLUMNS)).where(
        row.procedure_code == codes, row.scope == scope.value, row.entity == entity
    )


_REGION = select(ProviderRow.region).where(ProviderRow.provider_id == bindparam("provider_id")).scalar_subquery()
_REFERENCES = compiled(
    union_all(
        _references_in(ReferenceScope.PROCEDURE, any_(_CODES), ""),
        _references_in(ReferenceScope.REGION, any_(_CODES), _REGION),
        _references_in(ReferenceScope.PROVIDER, any_(_CODES), bindparam("provider_id")),
        _references_in(ReferenceScope.HISTORY, "", bindparam("provider_id")),
    )
)


def references(provider_id: str, codes: Iterable[str]) -> Query[References]:
    """The reference statistics that matter for a claim of this provider with these procedures."""
    return Query(_REFERENCES, {"provider_id": provider_id, "codes": sorted(set(codes))}, _read_references)


def _read_references(rows: Rows) -> References:
    return References.of(PriceReference(row[0], row[1], ReferenceScope(row[2]), *row[3:]) for row in rows)
