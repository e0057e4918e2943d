"""Archiving of claims whose retention is over: to Parquet files with a signed manifest, and back."""

from api.archives.declared import TABLES, ArchivedTable
from api.archives.files import archives_in, verify
from api.archives.records import (
    MANIFEST,
    SIGNATURE,
    ArchiveError,
    ArchiveRequestError,
    ArchiveRun,
    ArchiveStep,
    LeftReason,
    Manifest,
    RestoreRun,
)
from api.archives.restore import Restorer
from api.archives.run import ArchiveRequest, archive_due, archive_of, archives_of_member, due, meaning_of, missing_from
from api.archives.tables import ArchivedClaimRow, ArchiveRow

__all__ = [
    "MANIFEST",
    "SIGNATURE",
    "TABLES",
    "ArchiveError",
    "ArchiveRequest",
    "ArchiveRequestError",
    "ArchiveRow",
    "ArchiveRun",
    "ArchiveStep",
    "ArchivedClaimRow",
    "ArchivedTable",
    "LeftReason",
    "Manifest",
    "RestoreRun",
    "Restorer",
    "archive_due",
    "archive_of",
    "archives_in",
    "archives_of_member",
    "due",
    "meaning_of",
    "missing_from",
    "verify",
]
