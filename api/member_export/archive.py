"""Everything that is stored about a member as one ZIP file of NDJSON, with a manifest of digests."""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import psycopg
from psycopg import IsolationLevel, sql

from api.member_export.declared import EXPORTED, LEFT_OUT, ExportedTable

MANIFEST: Final = "manifest.json"
MEMBER_FILE: Final = "member.json"
FORMAT: Final = "ginja-member-export/1"
Connection = psycopg.Connection[tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class MemberExport:
    """An export, complete in memory."""

    content: bytes
    """The ZIP file."""
    sha256: str
    rows: dict[str, int]
    """By table."""


ExportedRow = dict[str, object]
"""A row by column, as PostgreSQL writes it in JSON."""


def rows_of_member(connection: Connection, member_id: str) -> dict[str, list[ExportedRow]]:
    """The rows about a member by table, from one state of the database, with what is encrypted in them.

    `connection` is in no transaction.
    """
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    with connection.transaction():
        return {table: list(_rows(connection, table, declared, member_id)) for table, declared in EXPORTED.items()}


def archived(
    member_id: str, member: bytes | None, found: Mapping[str, Sequence[ExportedRow]], at: datetime
) -> MemberExport:
    """The export of rows whose texts are decrypted.

    `member` is what the registry has, with the decrypted identity, as JSON; `None`: there are only claims.
    """
    written, rows = io.BytesIO(), dict[str, int]()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as file:
        digests = {}

        def add(name: str, content: bytes) -> None:
            file.writestr(name, content)
            digests[name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}

        if member is not None:
            add(MEMBER_FILE, member)
        for table, declared in EXPORTED.items():
            lines = [_line(row, declared) for row in found[table]]
            rows[table] = len(lines)
            add(f"{table}.ndjson", b"".join(lines))
        manifest = {
            "format": FORMAT,
            "member_id": member_id,
            "exported_at": at.isoformat(),
            "files": digests,
            "rows": rows,
            "left_out": dict(LEFT_OUT),
        }
        file.writestr(MANIFEST, json.dumps(manifest, indent=1))
    content = written.getvalue()
    return MemberExport(content, hashlib.sha256(content).hexdigest(), rows)


def _rows(connection: Connection, table: str, declared: ExportedTable, member_id: str) -> Iterator[ExportedRow]:
    statement = sql.SQL("SELECT to_jsonb(one) FROM {table} AS one WHERE {where} ORDER BY {order}").format(
        table=sql.Identifier(table), where=sql.SQL(declared.where), order=sql.SQL(declared.order)
    )
    for (row,) in connection.execute(statement, {"member": member_id}):
        assert isinstance(row, dict)
        yield row


def _line(row: ExportedRow, declared: ExportedTable) -> bytes:
    shown = {
        name: declared.changed[name](value) if name in declared.changed else value
        for name, value in row.items()
        if (name in declared.only if declared.only else name not in declared.without)
    }
    return json.dumps(shown, ensure_ascii=False).encode() + b"\n"
