"""The catalogue, as the rules know it."""

from collections.abc import Iterable

from sqlalchemy import any_, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY, TEXT

from api.catalog.tables import DiagnosisRow, ProcedureRow
from api.database import Query, Rows, compiled
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
