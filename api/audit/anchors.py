"""Anchors of the audit log: heads of its chain of seals, signed and stored outside the database.

Who can change both tables can compute every hash again, but not what was written elsewhere before. An anchor is a line
of `audit-anchors.jsonl` in the home, and a file of its own in `GINJA_AUDIT_ANCHOR_FOLDER` where that is set
(`docs/adr/0263-heads-of-the-audit-log-are-anchored-outside.md`).
"""

import errno
import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from core.durable_files import sync_folder
from core.errors import InvalidSignatureError, UntrustedSignatureError
from core.settings import Settings
from core.signing import Signature, SigningKey, TrustedKeys

ANCHOR_FILE: Final = "audit-anchors.jsonl"
"""In the home."""
_TAIL_BYTES: Final = 4_096
"""More than a line has."""
_NO_LINKS: Final = frozenset((errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK))
"""Of file systems without hard links, such as some shares."""


class AuditAnchor(BaseModel):
    """The head of the chain at one instant."""

    model_config = ConfigDict(frozen=True, extra="forbid", cache_strings="keys")

    version: Literal[1] = 1
    seal: int = Field(ge=1, description="Number of the last seal.")
    hash: str = Field(pattern="^[0-9a-f]{64}$", description="Hash of that seal, over all before it.")
    rows: int = Field(ge=1, description="Rows in this seal and all before it.")
    sealed_at: AwareDatetime
    anchored_at: AwareDatetime

    def signed_by(self, key: SigningKey) -> "SignedAnchor":
        """This anchor with its signature."""
        return SignedAnchor(anchor=self, signature=key.sign("audit anchor", self.model_dump_json().encode()))


class SignedAnchor(BaseModel):
    """An anchor as it is stored, one line."""

    model_config = ConfigDict(frozen=True, extra="forbid", cache_strings="keys")

    anchor: AuditAnchor
    signature: Signature

    def to_line(self) -> bytes:
        """The line, with its end."""
        return self.model_dump_json().encode() + b"\n"


@dataclass(frozen=True, slots=True)
class RefusedAnchor:
    """An anchor that proves nothing."""

    place: str
    """File, and line of it."""
    problem: str


@dataclass(frozen=True, slots=True)
class StoredAnchors:
    """What is stored outside the database."""

    anchors: tuple[AuditAnchor, ...] = ()
    refused: tuple[RefusedAnchor, ...] = ()


def anchor_file(settings: Settings) -> Path:
    """The file of anchors in the home."""
    return settings.home.absolute() / ANCHOR_FILE


def stored_anchors(settings: Settings, trusted: TrustedKeys) -> StoredAnchors:
    """Every anchor of the home and of the folder; those without a trusted signature are refused.

    Raises `OSError` where the folder of the settings, or a file, cannot be read.
    """
    anchors: list[AuditAnchor] = []
    refused: list[RefusedAnchor] = []
    for place, line in _lines(settings):
        try:
            anchors.append(_parse(line, trusted))
        except ValueError as error:
            refused.append(RefusedAnchor(place, str(error)))
    return StoredAnchors(tuple(anchors), tuple(refused))


def last_anchor(path: Path, trusted: TrustedKeys) -> AuditAnchor | None:
    """The anchor that was appended last; `None`: there is none.

    Raises `OSError`, and `ValueError` where the last complete line is no anchor of ours.
    """
    try:
        with path.open("rb") as file:
            file.seek(max(file.seek(0, os.SEEK_END) - _TAIL_BYTES, 0))
            complete = file.read().rpartition(b"\n")[0]
    except FileNotFoundError:
        return None
    line = complete.rpartition(b"\n")[2]
    return _parse(line, trusted) if line else None


def append(path: Path, signed: SignedAnchor) -> None:
    """Add a line to the file, which only this user reads; it is on disk when this returns. Raises `OSError`."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # of another worker, the end may be a line that is being written
        is_new = os.fstat(descriptor).st_size == 0
        _drop_incomplete_line(descriptor)
        _write(descriptor, signed.to_line())
    finally:
        os.close(descriptor)
    if is_new:
        sync_folder(path.parent)


def add_file(folder: Path, signed: SignedAnchor) -> None:
    """Store an anchor as a file of its own, in a folder for each day; files are never changed.

    The folder itself must exist: a share that is not mounted is an error, not a new folder on this machine. Raises
    `OSError`, also where the file is there and is not an anchor of the same seal; nothing incomplete is left.
    """
    anchor = signed.anchor
    day = folder / f"{anchor.anchored_at:%Y-%m-%d}"
    day.mkdir(exist_ok=True, mode=0o700)
    path = day / f"seal-{anchor.seal:012}-{anchor.hash[:12]}.json"
    try:
        _make_whole(path, signed.to_line())
    except FileExistsError:  # another process anchors the same seal
        _require_same_seal(path, anchor)
        return
    sync_folder(day)


def _make_whole(path: Path, line: bytes) -> None:
    """Make a file with its content in one step. Raises `OSError`, such as `FileExistsError`."""
    descriptor, name = tempfile.mkstemp(prefix=".seal-", dir=path.parent)
    try:
        try:
            _write(descriptor, line)
        finally:
            os.close(descriptor)
        try:
            os.link(name, path)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            _make_in_place(path, line)
    finally:
        with suppress(OSError):  # a write-once share keeps it, which does no harm
            Path(name).unlink()


def _make_in_place(path: Path, line: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        _write(descriptor, line)
    except BaseException:
        path.unlink()
        raise
    finally:
        os.close(descriptor)


def _require_same_seal(path: Path, anchor: AuditAnchor) -> None:
    """Raise `OSError` unless a file has an anchor of this seal, whenever and by whichever key it was signed."""
    try:
        stored = SignedAnchor.model_validate_json(path.read_bytes()).anchor
    except ValidationError:
        stored = None
    if stored is None or (stored.seal, stored.hash, stored.rows) != (anchor.seal, anchor.hash, anchor.rows):
        raise OSError(errno.EEXIST, "is there and is not the anchor of this seal; move it elsewhere", str(path))


def _write(descriptor: int, line: bytes) -> None:
    written = os.write(descriptor, line)  # one call: lines of several processes do not mix
    os.fsync(descriptor)
    if written != len(line):
        raise OSError(f"{written} of {len(line)} bytes were written")


def _drop_incomplete_line(descriptor: int) -> None:
    """Remove what an interrupted write left: it is no anchor, and would spoil the next line."""
    end = os.lseek(descriptor, 0, os.SEEK_END)
    start = max(end - _TAIL_BYTES, 0)
    tail = os.pread(descriptor, end - start, start)
    if tail and not tail.endswith(b"\n"):
        os.ftruncate(descriptor, start + tail.rfind(b"\n") + 1)


def _lines(settings: Settings) -> Iterator[tuple[str, bytes]]:
    """Each stored line with its place.

    A line without an end at the end of the file in the home was interrupted, and is left out; a file of its own is
    never incomplete, so that one is read as it is, and refused.
    """
    path = anchor_file(settings)
    if path.exists():
        for number, line in enumerate(path.read_bytes().split(b"\n")[:-1], start=1):
            yield f"{path}, line {number}", line
    folder = settings.audit_anchor_folder
    if folder is None:
        return
    for day in sorted(folder.iterdir()):  # raises where the share is not mounted
        if day.is_dir():
            for one in sorted(day.glob("seal-*.json")):
                yield str(one), one.read_bytes().removesuffix(b"\n")


def _parse(line: bytes, trusted: TrustedKeys) -> AuditAnchor:
    """The anchor of a line. Raises `ValueError`, which says why it is refused."""
    try:
        signed = SignedAnchor.model_validate_json(line)
    except ValidationError:
        raise ValueError("it is no anchor") from None
    try:
        trusted.verify("audit anchor", signed.anchor.model_dump_json().encode(), signed.signature)
    except (InvalidSignatureError, UntrustedSignatureError) as error:
        raise ValueError(str(error)) from None
    return signed.anchor
