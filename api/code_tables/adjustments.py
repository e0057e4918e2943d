"""What the codes of a payment mean, by the newest lists that were imported."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TypeAlias

from api.database import Query, Rows, Statement
from claims.code_tables import ADJUSTMENT_TABLES

AdjustmentTexts: TypeAlias = Mapping[tuple[str, str], str]
"""(`carc` or `rarc`, code) → text, of the codes that a list has."""

_TEXTS = Statement(
    """
    WITH newest AS (
        SELECT DISTINCT ON (kind) import_id, kind FROM code_table_imports
        WHERE kind = ANY(%(kinds)s) AND known_from <= %(known_at)s
            AND (known_until IS NULL OR known_until > %(known_at)s)
        ORDER BY kind, import_id DESC
    )
    SELECT DISTINCT ON (newest.kind, entry.code) newest.kind, entry.code, entry.text
    FROM newest JOIN code_table_entries AS entry USING (import_id)
    WHERE entry.code = ANY(%(codes)s)
    ORDER BY newest.kind, entry.code, (entry.first_day IS NULL OR entry.first_day <= %(day)s) DESC,
             entry.first_day DESC NULLS LAST
    """,
    {"kinds": [kind.value for kind in ADJUSTMENT_TABLES]},
)


def adjustment_texts(codes: Collection[str], known_at: datetime) -> Query[AdjustmentTexts]:
    """The texts of reason and remark codes on a day; a code that ended keeps its last text."""

    def read(rows: Rows) -> AdjustmentTexts:
        return {(kind, code): text for kind, code, text in rows}

    return Query(_TEXTS, {"codes": sorted(codes), "known_at": known_at, "day": known_at.date()}, read)
