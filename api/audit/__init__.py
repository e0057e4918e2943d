"""The audit log: who did what to whose data, sealed so that a change of it is found."""

from api.audit.acts import (
    NOT_PERSONAL,
    ROUTES,
    AuditedRoute,
    RecordedBy,
    UndeclaredRouteError,
    check_declared,
)
from api.audit.records import DENIED, NOT_FOUND, OUTCOMES, SUCCESS, AuditedAct, AuditFilter, Subject
from api.audit.repository import entries, entries_after, entry, is_recorded, record
from api.audit.sealing import AuditSealer
from api.audit.submissions import record_submissions, submitted_by
from api.audit.verification import AuditAnchor, AuditFault, AuditReport, verify
from api.audit.writer import AuditWriter

__all__ = [
    "DENIED",
    "NOT_FOUND",
    "NOT_PERSONAL",
    "OUTCOMES",
    "ROUTES",
    "SUCCESS",
    "AuditAnchor",
    "AuditFault",
    "AuditFilter",
    "AuditReport",
    "AuditSealer",
    "AuditWriter",
    "AuditedAct",
    "AuditedRoute",
    "RecordedBy",
    "Subject",
    "UndeclaredRouteError",
    "check_declared",
    "entries",
    "entries_after",
    "entry",
    "is_recorded",
    "record",
    "record_submissions",
    "submitted_by",
    "verify",
]
