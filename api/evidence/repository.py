"""Evidence packs in the database."""

import zlib
from dataclasses import asdict, fields
from typing import Final

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.evidence.records import PackForm, PackRecord
from api.evidence.tables import EvidencePackRow
from api.field_keys import PACK_FILE, PACK_PDF, FieldKeys, SealedColumn

_PACK: Final = tuple(EvidencePackRow.__table__.c[one.name] for one in fields(PackRecord))
_FILES: Final[dict[PackForm, SealedColumn]] = {"json": PACK_FILE, "pdf": PACK_PDF}


async def add_pack(connection: AsyncConnection, keys: FieldKeys, pack: PackRecord, *, file: bytes, pdf: bytes) -> None:
    """Store a pack. Raises what `FieldKeys` raises."""
    key = await keys.current(PACK_FILE.purpose)
    values = asdict(pack) | {
        PACK_FILE.column: PACK_FILE.seal(key, zlib.compress(file), pack.pack_id),
        PACK_PDF.column: PACK_PDF.seal(key, pdf, pack.pack_id),
    }
    await connection.execute(insert(EvidencePackRow).values(values))


async def packs_of_case(connection: AsyncConnection, case_id: str, limit: int) -> list[PackRecord]:
    """The packs of a case, the latest first."""
    statement = (
        select(*_PACK)
        .where(EvidencePackRow.case_id == case_id)
        .order_by(EvidencePackRow.written_at.desc(), EvidencePackRow.pack_id.desc())
        .limit(limit)
    )
    return [PackRecord(*row) for row in await connection.execute(statement)]


async def pack_file_of(
    connection: AsyncConnection, keys: FieldKeys, case_id: str, pack_id: str, form: PackForm
) -> tuple[PackRecord, bytes] | None:
    """A pack of a case with its file. Raises `DecryptionError` where it was changed, and what `FieldKeys` raises."""
    column = _FILES[form]
    statement = select(*_PACK, EvidencePackRow.__table__.c[column.column]).where(
        EvidencePackRow.pack_id == pack_id, EvidencePackRow.case_id == case_id
    )
    row = (await connection.execute(statement)).one_or_none()
    if row is None:
        return None
    *values, sealed = row
    content = await column.opened(keys, sealed, pack_id)
    return PackRecord(*values), zlib.decompress(content) if form == "json" else content
