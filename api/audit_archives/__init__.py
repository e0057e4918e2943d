"""Archives of the audit log: sealed rows whose retention is over, in signed Parquet files."""

from api.audit_archives.reading import archived_entry, archived_segments, reader
from api.audit_archives.records import AuditArchiveRequest, AuditArchiveRun, AuditManifest
from api.audit_archives.tables import AuditArchiveRow
from api.audit_archives.writing import archive_log

__all__ = [
    "AuditArchiveRequest",
    "AuditArchiveRow",
    "AuditArchiveRun",
    "AuditManifest",
    "archive_log",
    "archived_entry",
    "archived_segments",
    "reader",
]
