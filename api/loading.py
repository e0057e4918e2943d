"""Load a history into the database: Parquet files, by COPY.

Loaded claims count as decided: approved up to the remaining benefit, after the stored claims of the member and year.
A load of claims is one outbox event: the worker then rebuilds the online store. Loading the same files again changes
nothing.
"""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb
from pydantic import TypeAdapter, ValidationError

from api.catalog import refresh
from api.errors import FieldError, Invalid
from api.field_keys import FieldKeys
from api.members import seal_members
from api.migrate import plain_url
from api.outbox import HISTORY_LOADED
from api.tables import earlier_before
from claims.attributes import Attributes
from claims.scoring import ClaimFacts
from core import clock
from core.settings import settings

if TYPE_CHECKING:
    import pyarrow as pa

Connection: TypeAlias = "psycopg.Connection[tuple[object, ...]]"

_BATCH = 1 << 16

_REFERENCE: tuple[tuple[str, list[str]], ...] = (
    # table, key
    ("plans", ["plan_id"]),
    ("plan_cost_sharing", ["plan_id", "first_day"]),
    ("members", ["member_id"]),
    ("providers", ["provider_id"]),
    ("procedures", ["procedure_code"]),
    ("diagnoses", ["diagnosis_code"]),
)

_FIRST_DAYS: Mapping[str, str] = {"members": "enrolled_from", "providers": "active_from", "procedures": "valid_from"}
"""Columns of the first day of the latest period: a file replaces that period, and those before it make way."""

_LONGEST = {
    name: next(mark.max_length for mark in ClaimFacts.model_fields[name].metadata if hasattr(mark, "max_length"))
    for name in ("region", "specialty")
}

_CLAIMS = """
INSERT INTO claims ({columns}, status, approved_cents, source)
SELECT {columns}, CASE WHEN voided_at IS NULL THEN 'approved' ELSE 'voided' END,
       CASE WHEN voided_at IS NOT NULL THEN 0 WHEN benefit_limit_cents IS NULL THEN amount_cents
            ELSE greatest(0, least(amount_cents, benefit_limit_cents - stored - earlier)) END, {source}
FROM (
    SELECT fresh.*, coalesce(held.cents, 0)::bigint AS stored,
           coalesce(sum(fresh.amount_cents) FILTER (WHERE fresh.voided_at IS NULL) OVER (
               PARTITION BY fresh.member_id, extract(year FROM fresh.service_from)
               ORDER BY fresh.received_at, fresh.claim_id
               ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)::bigint AS earlier
    FROM incoming AS fresh
    LEFT JOIN (
        SELECT member_id, extract(year FROM service_from) AS year, sum(approved_cents + reserved_cents) AS cents
        FROM claims
        WHERE voided_at IS NULL AND member_id IN (SELECT member_id FROM incoming)
        GROUP BY 1, 2
    ) AS held ON held.member_id = fresh.member_id AND held.year = extract(year FROM fresh.service_from)
    WHERE NOT EXISTS (SELECT FROM claims AS existing WHERE existing.claim_id = fresh.claim_id)
    AND NOT EXISTS (SELECT FROM archived_claims AS archived WHERE archived.claim_id = fresh.claim_id)
) AS ordered
ON CONFLICT (claim_id) DO NOTHING
"""
"""A claim gets what remains of its limit after the stored claims of its member and year and the file's earlier ones."""

_ATTRIBUTES_FILE = "attributes.parquet"
_LINES_OF_UNKNOWN_CLAIMS = """
SELECT count(*), min(incoming.claim_id) FROM incoming
WHERE NOT EXISTS (SELECT FROM claims WHERE claims.claim_id = incoming.claim_id)
"""
_OF_ARCHIVED_CLAIMS = """
DELETE FROM incoming USING archived_claims AS archived
WHERE archived.claim_id = incoming.claim_id AND archived.restored_at IS NULL
"""
"""A claim that was archived is not a new one, and what belongs to it is in its archive."""
_ATTRIBUTES: TypeAdapter[list[Attributes]] = TypeAdapter(list[Attributes])
_INCOMING_ATTRIBUTES = """
CREATE TEMPORARY TABLE incoming_attributes (claim_id text PRIMARY KEY, attributes jsonb) ON COMMIT DROP
"""
_JOIN_ATTRIBUTES = """
UPDATE incoming SET attributes = theirs.attributes
FROM incoming_attributes AS theirs WHERE theirs.claim_id = incoming.claim_id
"""

_LOADED = "INSERT INTO outbox (topic, entity_key, payload, created_at) VALUES (%s, %s, '{}', %s)"
_ONE_LOAD = "SELECT pg_advisory_xact_lock(hashtextextended('ginja data load', 0))"
"""Concurrent loads would each compute the benefit without the other's claims."""


def load_folder(
    url: str, folder: Path, *, source: str, today: date | None = None, keys: FieldKeys | None = None
) -> dict[str, int]:
    """Load every frame found in `folder` into the database at `url`, in one transaction; returns rows per table.

    Who members are is encrypted with `keys` (default: those of the settings), and not stored again of erased members.

    Reference rows replace those with the same key; existing claims, lines and labels stay unchanged, and those of
    claims that were archived are skipped. `today` is the end
    of the period of the procedures' averages (default: now). Raises `Invalid`; nothing is loaded then.
    """
    loaded: dict[str, int] = {}
    ring = (keys or FieldKeys(settings(), url)).ring
    with psycopg.connect(plain_url(url)) as connection:
        connection.execute(_ONE_LOAD)
        for table, key in _REFERENCE:
            if (folder / f"{table}.parquet").exists():
                encrypt = partial(seal_members, connection, ring) if table == "members" else None
                columns = _stage(connection, folder, table, encrypt=encrypt)
                _refuse_long(connection, table, columns)
                loaded[table] = _merge(connection, table, columns, key, replace=True)
        if (folder / "claims.parquet").exists():
            columns = _stage(connection, folder, "claims")
            if _has_attributes(folder):
                _stage_attributes(connection, folder)
                columns.append("attributes")
            statement = sql.SQL(_CLAIMS).format(columns=_names(columns), source=sql.Literal(source))
            loaded["claims"] = connection.execute(statement).rowcount
            if loaded["claims"]:
                connection.execute(_LOADED, [HISTORY_LOADED, source, clock.now()])
        if (folder / "claim_lines.parquet").exists():
            columns = _stage(connection, folder, "claim_lines")
            connection.execute(_OF_ARCHIVED_CLAIMS)
            _refuse_unknown_claims(connection)
            loaded["claim_lines"] = _merge(connection, "claim_lines", columns, ["claim_id", "line"])
        if (folder / "labels.parquet").exists():
            columns = _stage(connection, folder, "labels", source=source)
            connection.execute(_OF_ARCHIVED_CLAIMS)
            loaded["labels"] = _merge(connection, "labels", columns, ["claim_id", "known_at"])
        refresh(connection, today or clock.now().date())
    with psycopg.connect(plain_url(url), autocommit=True) as connection:
        connection.execute("ANALYZE")
    return loaded


def _stage(
    connection: Connection,
    folder: Path,
    table: str,
    source: str | None = None,
    encrypt: Callable[["pa.Table"], "pa.Table"] | None = None,
) -> list[str]:
    """Copy a Parquet file into the temporary table `incoming`, shaped like `table`; returns the copied columns.

    `encrypt` replaces what must not be stored in clear.
    """
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet as pq

    connection.execute("DROP TABLE IF EXISTS incoming")
    shape = sql.SQL("CREATE TEMPORARY TABLE incoming ON COMMIT DROP AS SELECT * FROM {} WHERE false")
    connection.execute(shape.format(sql.Identifier(table)))
    with pq.ParquetFile(folder / f"{table}.parquet") as file:
        change = encrypt or (lambda table: table)
        columns = list(change(file.schema_arrow.empty_table()).schema.names)
        statement = sql.SQL("COPY incoming ({}) FROM STDIN (FORMAT csv)").format(_names(columns))
        for batch in file.iter_batches(_BATCH):
            buffer = io.BytesIO()
            options = pyarrow.csv.WriteOptions(include_header=False)
            rows = change(pa.table(batch))  # before COPY, during which the connection runs no other statement
            pyarrow.csv.write_csv(_without_lists(rows), buffer, options)
            with connection.cursor().copy(statement) as copy:
                copy.write(buffer.getbuffer())
    if source is not None:
        connection.execute("UPDATE incoming SET source = coalesce(source, %s)", [source])
        columns = [*(column for column in columns if column != "source"), "source"]
    return columns


def _has_attributes(folder: Path) -> bool:
    """Whether the data set has attributes; a file that its `dataset.json` does not list is left over from another."""
    document = folder / "dataset.json"
    listed = not document.exists() or "attributes" in json.loads(document.read_text()).get("frames", {})
    return listed and (folder / _ATTRIBUTES_FILE).exists()


def _stage_attributes(connection: Connection, folder: Path) -> None:
    """Add the attributes of a data set to the claims in `incoming`; null values too, as training has them."""
    import pyarrow.parquet as pq

    connection.execute(_INCOMING_ATTRIBUTES)
    with pq.ParquetFile(folder / _ATTRIBUTES_FILE) as file, connection.cursor() as cursor:
        for batch in file.iter_batches(_BATCH):
            rows = [{name: _wire_value(value) for name, value in row.items()} for row in batch.to_pylist()]
            claim_ids = [row.pop("claim_id") for row in rows]
            values = _valid_attributes(rows)
            with cursor.copy("COPY incoming_attributes FROM STDIN") as copy:
                for claim_id, attributes in zip(claim_ids, values, strict=True):
                    copy.write_row((claim_id, Jsonb(attributes) if attributes else None))
    connection.execute(_JOIN_ATTRIBUTES)


def _wire_value(value: object) -> object:
    if isinstance(value, date):
        return value.isoformat()
    return value + 0.0 if isinstance(value, float) else value  # a negative zero is zero, as in a request


def _valid_attributes(rows: Sequence[Mapping[str, object]]) -> list[Attributes]:
    try:
        return _ATTRIBUTES.validate_python(rows)
    except ValidationError as error:
        names = sorted({str(one["loc"][1]) if len(one["loc"]) > 1 else "" for one in error.errors(include_input=False)})
        raise Invalid.fields(
            [
                FieldError(
                    f"attributes.{name}".rstrip("."),
                    "must be true or false, a number within ±1e15, a date, or a text of 1 to 64 characters without "
                    "control characters, at most 100 by names such as vehicle_age",
                )
                for name in names
            ]
        ) from None


def _refuse_unknown_claims(connection: Connection) -> None:
    """Refuse lines of claims that neither the folder nor the database has."""
    row = connection.execute(_LINES_OF_UNKNOWN_CLAIMS).fetchone()
    if row is not None and row[0]:
        raise Invalid.field(
            "claim_lines.claim_id",
            f"{row[0]} lines are of claims that neither the folder nor the database has, such as {row[1]}: take "
            "claims.parquet and claim_lines.parquet from one data set",
        )


def _refuse_long(connection: Connection, table: str, columns: Sequence[str]) -> None:
    """Refuse regions and specialties that are too long for the facts of a claim, into which they are copied."""
    for name, longest in _LONGEST.items():
        if name not in columns:
            continue
        count = sql.SQL("SELECT count(*), max(length({0})) FROM incoming WHERE length({0}) > {1}").format(
            sql.Identifier(name), sql.Literal(longest)
        )
        rows, length = connection.execute(count).fetchall()[0]
        if rows:
            raise Invalid.field(
                f"{table}.{name}", f"{rows} rows are longer than {longest} characters (up to {length}); shorten them"
            )


def _without_lists(table: "pa.Table") -> "pa.Table":
    """The table with each list column as the text of a Postgres array."""
    import pyarrow as pa

    for at, field in enumerate(table.schema):
        if pa.types.is_list(field.type):
            texts = [None if row is None else _array(row) for row in table[field.name].to_pylist()]
            table = table.set_column(at, field.name, pa.array(texts, pa.string()))
    return table


def _array(items: Sequence[str]) -> str:
    """A Postgres array as text."""
    quoted = ('"' + item.replace("\\", "\\\\").replace('"', '\\"') + '"' for item in items)
    return "{" + ",".join(quoted) + "}"


def _merge(
    connection: Connection,
    table: str,
    columns: Sequence[str],
    key: Sequence[str],
    *,
    replace: bool = False,
) -> int:
    rest = [column for column in columns if column not in key]
    changes: list[sql.Composable] = [sql.SQL("{0} = excluded.{0}").format(sql.Identifier(column)) for column in rest]
    first = _FIRST_DAYS.get(table)
    if first in rest:
        changes.append(sql.SQL("earlier_periods = " + earlier_before(table, f"excluded.{first}")))
    action = sql.SQL("UPDATE SET {}").format(sql.SQL(", ").join(changes)) if replace else sql.SQL("NOTHING")
    statement = sql.SQL("INSERT INTO {} ({}) SELECT {} FROM incoming ON CONFLICT ({}) DO {}").format(
        sql.Identifier(table), _names(columns), _names(columns), _names(key), action
    )
    return connection.execute(statement).rowcount


def _names(columns: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))
