"""The attributes of claims out of Postgres, as the typed columns that training reads."""

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from claims.attributes import Attribute, AttributeType
from features.update.database import Connection, export_query
from features.vector import ARROW_TYPES

_TEXT = "CASE WHEN jsonb_typeof({value}) = 'string' THEN {value} #>> '{{}}' END"
_VALUES: dict[AttributeType, str] = {
    AttributeType.NUMBER: "CASE WHEN jsonb_typeof({value}) = 'number' THEN ({value})::float8 END",
    AttributeType.BOOLEAN: "CASE WHEN jsonb_typeof({value}) = 'boolean' THEN ({value})::boolean END",
    AttributeType.CATEGORY: _TEXT,
    AttributeType.KEY: _TEXT,
    AttributeType.DATE: "CASE WHEN {value} #>> '{{}}' ~ '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}$'"
    " AND pg_input_is_valid({value} #>> '{{}}', 'date') THEN ({value} #>> '{{}}')::date - DATE '1970-01-01' END",
}
"""SQL of the value of each type; null where the claim has none or one of another type. A date is in days since 1970."""


def export_attributes(connection: Connection, declared: Mapping[str, Attribute], folder: Path) -> Path:
    """Write the declared attributes of claims that have any as `attributes.parquet`; returns its path.

    Those that are read from a claim field or computed by a window are left out, as ingestion leaves them out.
    """
    stored = {name: one.type for name, one in declared.items() if one.stated}
    schema = pa.schema(
        [pa.field("claim_id", pa.string(), nullable=False), *((name, ARROW_TYPES[of]) for name, of in stored.items())]
    )
    values = [_VALUES[of].format(value=f"(c.attributes -> '{name}')") for name, of in stored.items()]
    path = folder / "attributes.parquet"
    query = f"SELECT {', '.join(['c.claim_id', *values])} FROM claims AS c WHERE c.attributes IS NOT NULL ORDER BY 1"
    export_query(connection, query, schema, path)
    return path
