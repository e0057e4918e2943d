"""The trade's tables: releases imported, compared and rolled back, and those in force for a claim."""

from api.code_tables.adjustments import AdjustmentTexts, adjustment_texts
from api.code_tables.batches import releases_in_force, tables_of_releases
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
from api.code_tables.repository import days_of_service, price_keys, prices_in_force, tables_in_force
from api.code_tables.tables import CodeTableImportRow

__all__ = [
    "COMMITTED_WITHIN",
    "SINCE_EVER",
    "AdjustmentTexts",
    "ChangedEntry",
    "CodeTableImportRow",
    "ImportRefused",
    "ImportedTable",
    "NewTable",
    "TableChanges",
    "adjustment_texts",
    "days_of_service",
    "import_table",
    "imported_tables",
    "price_keys",
    "prices_in_force",
    "releases_in_force",
    "roll_back",
    "tables_in_force",
    "tables_of_releases",
]
