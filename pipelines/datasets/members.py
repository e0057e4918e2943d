"""Members in data sets: erased and objecting ones are left out; each model keeps a keyed hash of whom it learned from.

The hashes say, to who has the key of the home, which models saw a member, also after the data set has changed. Without
the key they say nothing: ids are short, and a plain hash could be found by trying all of them.
"""

import hashlib
import hmac
import secrets
from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from claims.service_days import receipt_day
from core import clock
from core.erasures import FILE, read_erasures
from core.objections import FILE as OBJECTIONS
from core.objections import objections_listed_at, read_objections
from core.private_files import make_private, read_private
from core.settings import settings
from features.vector import DeclaredAttributes
from pipelines.datasets.errors import DatasetError
from pipelines.datasets.sources import Source

KEY_FILE: Final = "training-members.key"
FOLDER: Final = "training-members"
HASH_BYTES: Final = 16
_RECENT: Final = timedelta(days=1)


def without_erased(source: Source, home: Path) -> Source:
    """A data set without the claims of members that were erased, or object to training, by the lists of the home.

    An objection counts on its days in the insurer's time zone. Returns `source` itself if no member is left out. Raises
    `ErasureListError`, `ObjectionListError`, and `DatasetError` for claims exported from a database without the list of
    its objections.
    """
    if _is_exported(source) and objections_listed_at(home) is None:
        raise DatasetError(
            f"{home / OBJECTIONS} is missing: claims exported from the database are not read without the list of "
            "members that object to training; `ginja model retrain` exports both again, or restore the file"
        )
    left_out = {one.member_id for one in read_erasures(home / FILE)}
    today = receipt_day(clock.now(), settings().zone)
    left_out |= {one.member_id for one in read_objections(home / OBJECTIONS) if one.is_in_force(today)}
    return source if not left_out else without_members(source, left_out)


def objections_note(source: Source, home: Path) -> str | None:
    """What to know about the list of objections by which exported claims were read; None: listed within a day."""
    listed = objections_listed_at(home)
    if not _is_exported(source) or listed is None or clock.now() - listed < _RECENT:
        return None
    return (
        f"objections to training are as the database had them on {listed:%Y-%m-%d}; later ones are not left out. "
        "`ginja model retrain` lists them again"
    )


def _is_exported(source: Source) -> bool:
    return source.about.get("exported_from") == "database"


def without_members(source: Source, members: Collection[str]) -> Source:
    """A data set without the claims of some members; the same where it has none of them.

    It has a digest and an origin of its own: gates do not take the claims that are left out for lost ones.
    """
    found = pc.is_in(source.claims["member_id"], value_set=pa.array(sorted(members), pa.string()))
    if not pc.any(found).as_py():
        return source
    claims = source.claims.filter(pc.invert(found))
    left_out = source.claims.filter(found)["claim_id"].combine_chunks()
    digest = hashlib.sha256("\n".join(sorted(left_out.to_pylist())).encode()).hexdigest()

    def kept(table: pa.Table) -> pa.Table:
        if "claim_id" not in table.column_names:
            return table
        return table.filter(pc.invert(pc.is_in(table["claim_id"], value_set=left_out)))

    attributes = source.attributes
    return replace(
        source,
        claims=claims,
        labels=kept(source.labels),
        weights=None if source.weights is None else kept(source.weights),
        attributes=None if attributes is None else DeclaredAttributes(attributes.declared, kept(attributes.values)),
        sha256=hashlib.sha256(f"{source.sha256} without {digest}".encode()).hexdigest(),
        left_out=digest,
    )


def record_members(home: Path, version: str, members: Iterable[str | None]) -> Path:
    """Store the keyed hashes of the members that a model learned from, sorted, each once; returns the file."""
    key = _key(home, make=True)
    hashes = sorted({_hash(key, one) for one in members if one is not None})
    folder = home / FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file, partial = folder / f"{version}.bin", folder / f".{version}.partial"
    partial.write_bytes(b"".join(hashes))
    partial.replace(file)
    return file


def saw_member(home: Path, version: str, member_id: str) -> bool | None:
    """Whether a model learned from claims of a member; `None`: its members were not recorded.

    Raises `DatasetError` for a file that is damaged or whose key is lost.
    """
    try:
        stored = (home / FOLDER / f"{version}.bin").read_bytes()
    except FileNotFoundError:
        return None
    if len(stored) % HASH_BYTES:
        raise DatasetError(f"{home / FOLDER / version}.bin is damaged; restore it from a copy")
    sought = _hash(_key(home, make=False), member_id)
    return any(stored[place : place + HASH_BYTES] == sought for place in range(0, len(stored), HASH_BYTES))


def _hash(key: bytes, member_id: str) -> bytes:
    return hmac.digest(key, member_id.encode(), "sha256")[:HASH_BYTES]


def _key(home: Path, *, make: bool) -> bytes:
    file = home / KEY_FILE
    if make:
        make_private(file, lambda: secrets.token_hex(32))
    try:
        return bytes.fromhex(read_private(file))
    except FileNotFoundError:
        raise DatasetError(f"{file} is missing, without which nobody knows whom models learned from") from None
