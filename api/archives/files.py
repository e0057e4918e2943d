"""An archive on disk: files that survive a loss of power, the signed manifest of what they are, and verifying both."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ValidationError

from api.archives.columns import Row, batch_of, rows_of, schema_of
from api.archives.declared import ArchivedTable
from api.archives.records import (
    MANIFEST,
    SIGNATURE,
    ArchivedFile,
    ArchiveError,
    ArchiveManifest,
    Manifest,
    StoredColumn,
)
from core.durable_files import sync_folder
from core.errors import InvalidSignatureError, UntrustedSignatureError
from core.signing import Purpose, Signature, SigningKey, TrustedKeys

ROWS: Final = 200
"""Rows that are in memory at a time."""
_CHUNK: Final = 1 << 20
AUDIT_LOG: Final = "audit-log-"
"""How names of archives of the audit log begin, which have a manifest of their own."""
_LOST_AND_FOUND: Final = "lost+found"
"""Of the file system, at the root of a volume; its owner alone may read it."""


M = TypeVar("M", bound=ArchiveManifest)


def write_table(
    folder: Path, table: ArchivedTable, columns: Sequence[StoredColumn], rows: Iterable[Sequence[Row]]
) -> ArchivedFile | None:
    """Write the rows of a table, which come in batches; `None`: there is none. Raises `OSError`, `ArchiveError`."""
    path = folder / f"{table.name}.parquet"
    schema = schema_of(columns)
    count = 0
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        with pq.ParquetWriter(file, schema, compression="zstd", write_page_checksum=True) as writer:
            for some in rows:
                writer.write_batch(batch_of(schema, some))
                count += len(some)
        file.flush()
        os.fsync(file.fileno())
    if not count:
        path.unlink()
        return None
    return ArchivedFile(
        table=table.name,
        file=path.name,
        rows=count,
        size=path.stat().st_size,
        sha256=digest(path),
        columns=tuple(columns),
        sealed=table.sealed,
        in_clear=table.in_clear,
    )


def write_manifest(folder: Path, manifest: BaseModel, key: SigningKey, purpose: Purpose = "archive") -> str:
    """Write the manifest and its signature; returns the SHA-256 of the manifest, in hex. Raises `OSError`."""
    content = manifest.model_dump_json(indent=1).encode() + b"\n"
    for name, part in ((MANIFEST, content), (SIGNATURE, key.sign(purpose, content).to_bytes())):
        descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(part)
            file.flush()
            os.fsync(file.fileno())
    sync_folder(folder)
    return hashlib.sha256(content).hexdigest()


def digest(path: Path) -> str:
    """SHA-256 of a file, in hex. Raises `OSError`."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
    return found.hexdigest()


def stored_rows(folder: Path, file: ArchivedFile) -> Iterator[Row]:
    """The rows of a file in their order. Raises `ArchiveError` where it is not what the manifest says."""
    try:
        with closing(pq.ParquetFile(folder / file.file, page_checksum_verification=True)) as opened:
            if opened.schema_arrow.names != [one.name for one in file.columns]:
                raise ArchiveError(f"{folder / file.file} has other columns than its manifest says")
            for batch in opened.iter_batches(ROWS):
                yield from rows_of(batch)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise ArchiveError(f"{folder / file.file} is not a Parquet file that can be read: {error}") from None


def read_manifest(folder: Path, trusted: TrustedKeys, model: type[M], purpose: Purpose = "archive") -> M:
    """The manifest of an archive.

    Raises `ArchiveError` where it is missing, changed or not signed by a trusted key.
    """
    path = folder / MANIFEST
    try:
        content, signature = path.read_bytes(), (folder / SIGNATURE).read_bytes()
    except FileNotFoundError as error:
        raise ArchiveError(f"{error.filename} is missing") from None
    except OSError as error:
        raise ArchiveError(_unreadable(error, path)) from None
    try:
        trusted.verify(purpose, content, Signature.parse(signature))
    except (InvalidSignatureError, UntrustedSignatureError) as error:
        raise ArchiveError(f"{path} is refused: {error}") from None
    try:
        manifest = model.parse(content)
    except ValidationError:
        raise ArchiveError(f"{path} is of a release that this one does not read") from None
    if manifest.archive != folder.name:
        raise ArchiveError(f"{path} is that of the archive {manifest.archive}")
    return manifest


def problems_of(folder: Path, files: Sequence[ArchivedFile]) -> list[str]:
    """What differs between an archive's folder and its manifest: each file by name, also one that cannot be read."""
    found: list[str] = []
    for one in files:
        path = folder / one.file
        try:
            if path.stat().st_size != one.size or digest(path) != one.sha256:
                found.append(f"{path} was changed, or is of another archive")
        except FileNotFoundError:
            found.append(f"{path} is missing")
        except OSError as error:
            found.append(_unreadable(error, path))
    expected = {one.file for one in files} | {MANIFEST, SIGNATURE}
    try:
        found += [f"{path} is not in the manifest" for path in sorted(folder.iterdir()) if path.name not in expected]
    except OSError as error:
        found.append(_unreadable(error, folder))
    return found


def _unreadable(error: OSError, path: Path) -> str:
    return f"{error.filename or path} cannot be read: {error.strerror}"


def archives_in(folder: Path) -> list[Path]:
    """The folders of archives: the folder itself, or those in it. Raises `ArchiveError` where there is none."""
    if (folder / MANIFEST).exists() or (folder / SIGNATURE).exists() or any(folder.glob("*.parquet")):
        return [folder]
    found = sorted(
        path
        for path in folder.iterdir()
        if path.is_dir() and not path.name.startswith((".", AUDIT_LOG)) and path.name != _LOST_AND_FOUND
    )
    if not found:
        raise ArchiveError(f"{folder} has no archive")
    return found


def verify(folder: Path, trusted: TrustedKeys) -> tuple[Manifest | None, list[str]]:
    """The manifest of an archive, `None` where it is refused, and what is wrong with the archive."""
    try:
        manifest = read_manifest(folder, trusted, Manifest)
    except ArchiveError as error:
        return None, [str(error)]
    return manifest, problems_of(folder, manifest.files)
