"""The trade's tables: releases imported, compared and rolled back, and those in force for a claim."""

from api.code_tables.imports import (
    COMMITTED_WITHIN,
    SINCE_EVER,
    ChangedEntry,
    ImportedTable,
    ImportRefused,
    NewTable,
    TableChanges,
    import_table,
    imported_tables,
    roll_back,
)
from api.code_tables.repository import prices_in_force, tables_in_force
from api.code_tables.tables import CodeTableImportRow

__all__ = [
    "COMMITTED_WITHIN",
    "SINCE_EVER",
    "ChangedEntry",
    "CodeTableImportRow",
    "ImportRefused",
    "ImportedTable",
    "NewTable",
    "TableChanges",
    "import_table",
    "imported_tables",
    "prices_in_force",
    "roll_back",
    "tables_in_force",
]
