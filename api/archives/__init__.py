"""Archiving of claims whose retention is over: to Parquet files with a signed manifest, and back."""

from api.archives.columns import Connection, TableColumns
from api.archives.columns import Row as StoredRow
from api.archives.declared import TABLES, ArchivedTable
from api.archives.files import (
    AUDIT_LOG,
    archives_in,
    problems_of,
    read_manifest,
    stored_rows,
    verify,
    write_manifest,
    write_table,
)
from api.archives.records import (
    MANIFEST,
    SIGNATURE,
    ArchivedFile,
    ArchiveError,
    ArchiveManifest,
    ArchiveRequestError,
    ArchiveRun,
    ArchiveStep,
    LeftReason,
    Manifest,
    RestoreRun,
)
from api.archives.restore import Restorer
from api.archives.run import (
    ArchiveRequest,
    archive_due,
    archive_of,
    archives_of_member,
    due,
    meaning_of,
    missing_from,
    one_run,
)
from api.archives.tables import ArchivedClaimRow, ArchiveRow

__all__ = [
    "AUDIT_LOG",
    "MANIFEST",
    "SIGNATURE",
    "TABLES",
    "ArchiveError",
    "ArchiveManifest",
    "ArchiveRequest",
    "ArchiveRequestError",
    "ArchiveRow",
    "ArchiveRun",
    "ArchiveStep",
    "ArchivedClaimRow",
    "ArchivedFile",
    "ArchivedTable",
    "Connection",
    "LeftReason",
    "Manifest",
    "RestoreRun",
    "Restorer",
    "StoredRow",
    "TableColumns",
    "archive_due",
    "archive_of",
    "archives_in",
    "archives_of_member",
    "due",
    "meaning_of",
    "missing_from",
    "one_run",
    "problems_of",
    "read_manifest",
    "stored_rows",
    "verify",
    "write_manifest",
    "write_table",
]
