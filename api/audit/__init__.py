"""The audit log: who did what to whose data, sealed so that a change of it is found."""

from api.audit.acts import (
    NOT_PERSONAL,
    ROUTES,
    AuditedRoute,
    RecordedBy,
    UndeclaredRouteError,
    check_declared,
)
from api.audit.anchoring import ANCHOR_S, AuditAnchorer
from api.audit.anchors import (
    AuditAnchor,
    RefusedAnchor,
    SignedAnchor,
    StoredAnchors,
    anchor_file,
    last_anchor,
    stored_anchors,
)
from api.audit.changed import CHANGE_KEPT, WITHOUT_CHANGE, recorded_as, why_without_change
from api.audit.changes import AuditedChange, StoredChange, record_change
from api.audit.commands import CommandRecord, CommandRecords, PendingCommand, RecordTooLargeError
from api.audit.fhir import audit_event
from api.audit.reading import AuditReading, shown_change
from api.audit.records import (
    COMMAND_LINE,
    DENIED,
    FAILED,
    NOT_FOUND,
    OUTCOMES,
    SUCCESS,
    ArchivedSegment,
    AuditedAct,
    AuditFilter,
    Seal,
    Subject,
)
from api.audit.repository import audited_act, entries, entries_after, entry, is_recorded, record
from api.audit.seal_store import SEALED_ORDER
from api.audit.sealing import AuditSealer
from api.audit.seals import ENTRY_BYTES, RowValues
from api.audit.submissions import record_submissions, submitted_by
from api.audit.verification import (
    AuditFault,
    AuditReport,
    AuditVerdict,
    ReadSegment,
    check_rows,
    check_seal,
    verify,
)
from api.audit.writer import AuditWriter

__all__ = [
    "ANCHOR_S",
    "CHANGE_KEPT",
    "COMMAND_LINE",
    "DENIED",
    "ENTRY_BYTES",
    "FAILED",
    "NOT_FOUND",
    "NOT_PERSONAL",
    "OUTCOMES",
    "ROUTES",
    "SEALED_ORDER",
    "SUCCESS",
    "WITHOUT_CHANGE",
    "ArchivedSegment",
    "AuditAnchor",
    "AuditAnchorer",
    "AuditFault",
    "AuditFilter",
    "AuditReading",
    "AuditReport",
    "AuditSealer",
    "AuditVerdict",
    "AuditWriter",
    "AuditedAct",
    "AuditedChange",
    "AuditedRoute",
    "CommandRecord",
    "CommandRecords",
    "PendingCommand",
    "ReadSegment",
    "RecordTooLargeError",
    "RecordedBy",
    "RefusedAnchor",
    "RowValues",
    "Seal",
    "SignedAnchor",
    "StoredAnchors",
    "StoredChange",
    "Subject",
    "UndeclaredRouteError",
    "anchor_file",
    "audit_event",
    "audited_act",
    "check_declared",
    "check_rows",
    "check_seal",
    "entries",
    "entries_after",
    "entry",
    "is_recorded",
    "last_anchor",
    "record",
    "record_change",
    "record_submissions",
    "recorded_as",
    "shown_change",
    "stored_anchors",
    "submitted_by",
    "verify",
    "why_without_change",
]
