"""The trade's tables as published: read, checked and brought to one form (`claims.code_tables`)."""

from pipelines.code_tables.reading import (
    ReadTable,
    RejectedRow,
    TableFileError,
    packaged_release,
    read_packaged_icd10,
    read_table,
)
from pipelines.code_tables.releases import first_day_of

__all__ = [
    "ReadTable",
    "RejectedRow",
    "TableFileError",
    "first_day_of",
    "packaged_release",
    "read_packaged_icd10",
    "read_table",
]
