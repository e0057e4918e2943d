"""Procedures and diagnoses with their prices."""

from api.catalog.averages import refresh, refresh_once_a_day
from api.catalog.repository import diagnoses, procedures, references
from api.catalog.tables import ProcedureRow

__all__ = [
    "ProcedureRow",
    "diagnoses",
    "procedures",
    "references",
    "refresh",
    "refresh_once_a_day",
]
