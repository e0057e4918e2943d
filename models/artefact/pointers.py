"""Which models serve: pointer files beside the artefacts, replaced atomically.

`models/champion.json` names the model that decides. `models/challenger.json` is optional and names a model that scores
in shadow and decides a share of the claims. Promotion writes the files; scorers poll them.
"""

import fcntl
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.artefact.document import VERSION, require_reasons
from models.artefact.files import MANIFEST, Artefact, canonical_json, load_artefact, sha256, sync_folder
from models.errors import ArtefactMissingError, PointerError

Role = Literal["champion", "challenger"]
_POINTER_LIMIT = 16_384


class Target(BaseModel):
    """One artefact, pinned by version, folder (relative to the models folder) and SHA-256 of its manifest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str = Field(pattern=f"^{VERSION}$")
    path: str = Field(pattern=f"^{VERSION}$")
    manifest_sha256: str = Field(pattern="^[0-9a-f]{64}$")


class Pointer(Target):
    """The target of a role, and the previous one."""

    previous: Target | None = None
    canary_share: float = Field(0.0, ge=0, le=1, description="Challenger only: share of claims it decides.")


Announce = Callable[[Pointer | None], None]
"""Receives the pointer that is about to be replaced, `None` where there is none.

It is called when everything is verified and the lock is held: a crash after it leaves an announcement without effect,
never a change that nobody announced.
"""


def not_announced(_before: Pointer | None) -> None:
    """Announce nothing."""


def models_folder(home: Path) -> Path:
    """The folder of artefacts and pointers."""
    return home / "models"


def read_pointer(home: Path, role: Role = "champion") -> Pointer | None:
    """The pointer of a role, or None when no model was promoted yet. Raises `PointerError` when it cannot be read."""
    path = models_folder(home) / f"{role}.json"
    try:
        with path.open("rb") as f:
            raw = f.read(_POINTER_LIMIT + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise PointerError(f"{path} cannot be read: {error.strerror}") from error
    if len(raw) > _POINTER_LIMIT:
        raise PointerError(f"{path} exceeds {_POINTER_LIMIT:,} bytes")
    try:
        return Pointer.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors()[0]
        raise PointerError(f"{path}: {first['loc']}: {first['msg']}; promote a model to replace it") from None


def pinned_hashes(home: Path) -> dict[str, str]:
    """Version → SHA-256 of the manifest, of every model that a pointer names. Raises `PointerError`."""
    pointers = [pointer for role in get_args(Role) if (pointer := read_pointer(home, role)) is not None]
    targets = [*pointers, *(pointer.previous for pointer in pointers if pointer.previous is not None)]
    return {target.version: target.manifest_sha256 for target in targets}


def load_pointed(home: Path, pointer: Target) -> Artefact:
    """Load the artefact of a pointer, verified against the pointer's hash."""
    artefact = load_artefact(models_folder(home) / pointer.path, expected_manifest_sha256=pointer.manifest_sha256)
    if artefact.version != pointer.version:
        raise PointerError(f"{artefact.path} holds version {artefact.version}, expected {pointer.version}")
    return artefact


def target_of(home: Path, version: str) -> Target:
    """The pinned target of an artefact in the models folder."""
    if not re.fullmatch(VERSION, version):
        raise PointerError(f"{version!r} is not a valid version")
    try:
        manifest = (models_folder(home) / version / MANIFEST).read_bytes()
    except FileNotFoundError:
        raise ArtefactMissingError(f"no model found in {models_folder(home) / version}") from None
    return Target(version=version, path=version, manifest_sha256=sha256(manifest))


def point(
    home: Path,
    version: str,
    *,
    role: Role = "champion",
    canary_share: float = 0.0,
    announce: Announce = not_announced,
) -> Pointer:
    """Verify and load the artefact, then point the role to it; the previous target is kept for `roll_back`.

    Raises `ShadowOnlyError` where it would decide claims and has no exact reasons.
    """
    with _lock(home):
        target = target_of(home, version)
        artefact = load_pointed(home, target)
        if role == "champion" or canary_share > 0:
            require_reasons(artefact.document)
        before = _valid_pointer(home, role)
        previous = None
        if before is not None:
            previous = before.previous if before.version == version else _bare(before)
        pointer = Pointer(**target.model_dump(), previous=previous, canary_share=canary_share)
        announce(before)
        _write(home, role, pointer)
    return pointer


def roll_back(home: Path, *, from_version: str | None = None, announce: Announce = not_announced) -> Pointer:
    """Point the champion to its previous target; rolling back twice restores the current one.

    With `from_version` it is done once: nothing changes where that version is the previous champion already. Raises
    `PointerError` where it is neither, or where there is no previous champion.
    """
    with _lock(home):
        now = read_pointer(home)
        if now is None or now.previous is None:
            raise PointerError("there is no previous champion to roll back to")
        if from_version not in (None, now.version):
            if now.previous.version == from_version:
                return now
            raise PointerError(f"the champion is {now.version}, not {from_version}; nothing was rolled back")
        load_pointed(home, now.previous)
        pointer = Pointer(**now.previous.model_dump(), previous=_bare(now))
        announce(now)
        _write(home, "champion", pointer)
    return pointer


def unpoint(home: Path, role: Role, *, announce: Announce = not_announced) -> None:
    """Remove the pointer of a role, such as a challenger's when its trial ends."""
    with _lock(home):
        announce(_valid_pointer(home, role))
        (models_folder(home) / f"{role}.json").unlink(missing_ok=True)
        sync_folder(models_folder(home))


def _valid_pointer(home: Path, role: Role) -> Pointer | None:
    """The pointer of a role; `None` also for one that cannot be read, which a new one replaces."""
    try:
        return read_pointer(home, role)
    except PointerError:
        return None


def _bare(pointer: Pointer) -> Target:
    return Target(version=pointer.version, path=pointer.path, manifest_sha256=pointer.manifest_sha256)


def _write(home: Path, role: Role, pointer: Pointer) -> None:
    folder = models_folder(home)
    for left in folder.glob(f".{role}-*"):  # by a process that was killed: the lock is held, so none is in use
        left.unlink()
    descriptor, name = tempfile.mkstemp(prefix=f".{role}-", dir=folder)
    staged = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as f:
            f.write(canonical_json(pointer.model_dump(mode="json")) + b"\n")
            f.flush()
            os.fsync(f.fileno())
        staged.replace(folder / f"{role}.json")
    except BaseException:
        staged.unlink(missing_ok=True)
        raise
    sync_folder(folder)


@contextmanager
def _lock(home: Path) -> Iterator[None]:
    """Lock out concurrent promotions, across processes."""
    folder = models_folder(home)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        yield
