"""The audit log."""

from api.audit.repository import is_recorded, record

__all__ = [
    "is_recorded",
    "record",
]
