"""The folder of an examiner's file: records with their hashes, a signed manifest, and its verification."""

import csv
import io
import json
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cli.dossier.document import EvidenceLink
from core.errors import InvalidSignatureError, UntrustedSignatureError
from core.scratch import scratch_folder
from core.signing import Signature, SigningKey, TrustedKeys

MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.signature.json"
RECORDS: Final = "records"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}", re.ASCII)
_LARGEST: Final = 64 * 1024 * 1024
"""Largest manifest that is read, in bytes."""


class ListedFile(BaseModel):
    """One file of the folder."""

    model_config = ConfigDict(frozen=True, extra="forbid", cache_strings="keys")

    bytes: int = Field(ge=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class DossierManifest(BaseModel):
    """Every file of the folder but itself and its signature."""

    model_config = ConfigDict(frozen=True, extra="forbid", cache_strings="keys")

    format: int = Field(ge=1)
    tenant: str
    as_of: datetime
    written_at: datetime
    files: dict[str, ListedFile]


@dataclass(slots=True)
class RecordFiles:
    """The records that answers refer to, collected before anything is written."""

    contents: dict[str, bytes] = field(default_factory=dict)

    def add(self, name: str, content: bytes, about: str) -> EvidenceLink:
        """Add a file below `records`, and return the link to it. Raises `ValueError` for a name with other parts."""
        parts = name.split("/")
        if not all(_NAME.fullmatch(part) for part in parts):
            raise ValueError(f"{name!r} is no name of a record")
        path = f"{RECORDS}/{name}"
        if self.contents.setdefault(path, content) != content:
            raise ValueError(f"{path} was added with other content")
        return EvidenceLink(kind="file", reference=path, about=about, sha256=sha256(content).hexdigest())

    def add_json(self, name: str, value: object, about: str) -> EvidenceLink:
        """Add a file of JSON."""
        return self.add(name, json.dumps(value, indent=1, sort_keys=True, default=_plain).encode() + b"\n", about)

    def add_rows(self, name: str, columns: Sequence[str], rows: Iterable[Sequence[object]], about: str) -> EvidenceLink:
        """Add a file of CSV; instants are ISO 8601."""
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(columns)
        writer.writerows([_cell(one) for one in row] for row in rows)
        return self.add(name, text.getvalue().encode(), about)


@dataclass(frozen=True, slots=True)
class FolderCheck:
    """What a verification found."""

    files: int
    signed_by: str
    """Id of the key."""
    faults: Sequence[str]


class DossierFolderError(ValueError):
    """The folder cannot be verified at all; the message says why."""


def manifest_of(contents: dict[str, bytes], *, tenant: str, as_of: datetime, written_at: datetime) -> bytes:
    """The content of the manifest of these files."""
    entries = {
        path: ListedFile(bytes=len(content), sha256=sha256(content).hexdigest())
        for path, content in sorted(contents.items())
    }
    made = DossierManifest(format=1, tenant=tenant, as_of=as_of, written_at=written_at, files=entries)
    return made.model_dump_json(indent=1).encode() + b"\n"


def write_folder(folder: Path, contents: dict[str, bytes], manifest: bytes, key: SigningKey) -> None:
    """Write a new folder, whole or not at all: it gets its name when everything is on disk. Raises `OSError`.

    Files are readable by their owner only.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    signature = key.sign("dossier", manifest).to_bytes()
    with scratch_folder(f".{folder.name}-", under=folder.parent) as staged:
        inner = staged / "new"
        for path, content in {**contents, MANIFEST: manifest, SIGNATURE: signature}.items():
            file = inner / path
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as opened:
                opened.write(content)
                opened.flush()
                os.fsync(opened.fileno())
        inner.rename(folder)  # refuses a folder that is there and is not empty


def check_folder(folder: Path, trusted: TrustedKeys) -> FolderCheck:
    """Compare every file with the manifest, and the manifest with its signature.

    Raises `DossierFolderError` where manifest or signature are missing, unreadable or not of a trusted key.
    """
    try:
        manifest, signature = _read(folder / MANIFEST), _read(folder / SIGNATURE)
    except OSError as error:
        raise DossierFolderError(f"{error.filename} cannot be read: {error.strerror}") from None
    try:
        signed = Signature.parse(signature)
        trusted.verify("dossier", manifest, signed)
        stated = DossierManifest.model_validate_json(manifest)
    except (InvalidSignatureError, UntrustedSignatureError) as error:
        raise DossierFolderError(f"{folder / MANIFEST}: {error}") from None
    except ValidationError:
        raise DossierFolderError(f"{folder / MANIFEST} is not a manifest of an examiner's file") from None
    faults = [fault for path, entry in stated.files.items() if (fault := _fault(folder, path, entry)) is not None]
    known = {*stated.files, MANIFEST, SIGNATURE}
    for found in sorted(folder.rglob("*")):
        path = found.relative_to(folder).as_posix()
        if found.is_symlink() or (not found.is_dir() and path not in known):
            faults.append(f"{path} is not in the manifest")
    return FolderCheck(len(stated.files), signed.key, faults)


def _fault(folder: Path, path: str, entry: ListedFile) -> str | None:
    file = folder / path
    if not file.resolve().is_relative_to(folder.resolve()):
        return f"{path} is outside the folder"
    try:
        content = file.read_bytes()
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}"
    if len(content) != entry.bytes or sha256(content).hexdigest() != entry.sha256:
        return f"{path} was changed"
    return None


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_LARGEST)


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    # A spreadsheet would run it as a formula.
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def _plain(value: object) -> object:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
