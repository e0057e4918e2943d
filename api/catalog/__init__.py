"""Procedures and diagnoses with their prices."""

from api.catalog.averages import refresh, refresh_once_a_day
from api.catalog.repository import diagnoses, procedures, references

__all__ = [
    "diagnoses",
    "procedures",
    "references",
    "refresh",
    "refresh_once_a_day",
]
