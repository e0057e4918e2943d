"""The audit log."""

from api.audit.repository import record

__all__ = [
    "record",
]
