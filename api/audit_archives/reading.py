"""Reading archives of the audit log: their rows as seals cover them, which the database names, and single entries."""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from api.archives import ArchiveError, problems_of, read_manifest, stored_rows
from api.audit import ENTRY_BYTES, SEALED_ORDER, ArchivedSegment, AuditedAct, ReadSegment, RowValues, Seal
from api.audit_archives.records import LOG, PREFIX, AuditManifest
from api.database import Database, Query, Statement
from core.errors import InvalidSignatureError, UntrustedSignatureError
from core.signing import Signature, TrustedKeys

_NAMED: Final = Statement(
    "SELECT archive, first_seal, last_seal, manifest, signature FROM audit_archives ORDER BY first_seal", {}
)


async def archived_segments(database: Database, trusted: TrustedKeys) -> list[ArchivedSegment]:
    """The archives that the database names, in their order, each with its problem where its signature is refused."""
    query = Query(_NAMED, {}, lambda rows: [tuple(row) for row in rows])
    async with database.looking() as connection:
        (found,) = await connection.fetch(query)
    return [
        _segment(str(archive), int(first), int(last), bytes(manifest), bytes(signature), trusted)
        for archive, first, last, manifest, signature in found
    ]


def _segment(
    archive: str, first: int, last: int, content: bytes, signature: bytes, trusted: TrustedKeys
) -> ArchivedSegment:
    try:
        trusted.verify("audit archive", content, Signature.parse(signature))
        stated = AuditManifest.model_validate_json(content)
    except (InvalidSignatureError, UntrustedSignatureError, ValidationError) as error:
        return ArchivedSegment(archive, first, last, "", 0, f"the manifest of {archive} is refused: {error}")
    if (stated.archive, stated.first_seal, stated.last_seal) != (archive, first, last):
        return ArchivedSegment(archive, first, last, "", 0, f"the manifest of {archive} is that of other seals")
    return ArchivedSegment(archive, first, last, stated.head, stated.rows)


def reader(folder: Path, trusted: TrustedKeys) -> ReadSegment:
    """Reads the rows of archives that are in a folder."""

    def read(segment: ArchivedSegment) -> Iterator[RowValues]:
        place = folder / segment.archive
        manifest = read_manifest(place, trusted, AuditManifest, "audit archive")
        if manifest.head != segment.head:
            raise ArchiveError(f"{place} has other seals than the database says")
        if problems := problems_of(place, manifest.files):
            raise ArchiveError("; ".join(problems))
        return rows_of_archive(place, manifest)

    return read


def rows_of_archive(place: Path, manifest: AuditManifest) -> Iterator[RowValues]:
    """The rows of an archive as digests cover them. Raises `ArchiveError`."""
    file = manifest.file_of(LOG)
    if file is None:
        raise ArchiveError(f"{place} has no rows of the audit log")
    names = [one.name for one in file.columns]
    order = [names.index(name) for name in SEALED_ORDER]
    for row in stored_rows(place, file):
        yield tuple(row[at] for at in order)


def rows_of_seal(rows: Iterator[RowValues], seal: Seal) -> list[RowValues]:
    """The next rows, as many as a seal has."""
    return list(islice(rows, len(seal.entries) // ENTRY_BYTES))


def archived_entry(folder: Path, trusted: TrustedKeys, audit_id: int) -> tuple[AuditedAct, bytes | None] | None:
    """An entry of the archives in a folder, with its encrypted change; `None`: none of them has it.

    `folder` may be an archive itself. Raises `ArchiveError` where one that may have it is not what its manifest says.
    """
    places = [folder] if folder.name.startswith(PREFIX) else sorted(folder.glob(f"{PREFIX}*"))
    if not places:
        raise ArchiveError(f"{folder} has no archive of the audit log")
    for place in places:
        manifest = read_manifest(place, trusted, AuditManifest, "audit archive")
        if audit_id > manifest.last_audit_id:
            continue
        if problems := problems_of(place, manifest.files):
            raise ArchiveError("; ".join(problems))
        for row in rows_of_archive(place, manifest):
            if row[0] == audit_id:
                return _entry(row)
    return None


def _entry(row: RowValues) -> tuple[AuditedAct, bytes | None]:
    values = dict(zip(SEALED_ORDER, row, strict=True))
    change = values.pop("change")
    values["actor_id"] = values.pop("api_key_id")
    values["details"] = json.loads(str(values["details"]))
    return AuditedAct(**values), change  # type: ignore[arg-type,return-value]
