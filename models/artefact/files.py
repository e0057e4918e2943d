"""A model on disk: a folder of up to six files; the manifest lists size and SHA-256 of the others, and is signed.

    models/<version>/
        model.ubj        the model in the native form of its family (`Family.file`), cut at its best round
        model.json       `ModelDocument`: family, schema, calibrator, threshold, versions, provenance
        explainer.npz    the contribution tables of trees; absent for other models
        peers.npz        honest training claims by specialty; absent without specialties
        manifest.json    size and SHA-256 of the files above, as canonical JSON
        signature.json   Ed25519 signature of the manifest

Nothing is unpickled, and no byte is parsed before signature and hash are checked. The same inputs give the same bytes,
up to the signature of another home: no clock, host or path enters the folder; whatever differs between runs is passed
in as provenance.
"""

import hashlib
import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from core.scratch import scratch_folder
from core.signing import SIGNATURE_LIMIT
from features.vector import ModelSchema
from models.artefact.document import ModelDocument
from models.artefact.signing import (
    SIGNATURE,
    check_signature,
    replace_signature,
    sign_manifest,
    unsigned,
)
from models.calibration import BetaCalibrator
from models.errors import (
    ArtefactCorruptError,
    ArtefactExistsError,
    ArtefactMissingError,
    ArtefactOutdatedError,
    ArtefactUnsignedError,
    FamilyError,
    ForeignFactoryError,
    OutdatedTablesError,
)
from models.explain import (
    Additive,
    HonestPeers,
    LeafTables,
    peers_to_bytes,
    read_peers,
    read_tables,
    tables_to_bytes,
)
from models.families import NATIVE_FILES, Model, explained_by, family_of, is_factory

DOCUMENT, TABLES, PEERS, MANIFEST = "model.json", "explainer.npz", "peers.npz", "manifest.json"
LIMITS = {**dict.fromkeys(NATIVE_FILES, 256 << 20), DOCUMENT: 1 << 20, TABLES: 512 << 20, PEERS: 256 << 20}
"""Largest size of each file, in bytes."""
STAGING = ".staging-"
"""Beginning of the name of a folder of models that is being written."""
_MANIFEST_LIMIT = 4096
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)


class ManifestEntry(TypedDict):
    """What the manifest says of one file."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Artefact:
    """A verified model in memory."""

    path: Path
    manifest_sha256: str
    document: ModelDocument
    model: Model
    calibrator: BetaCalibrator
    explainer: Additive | None
    """Exact contributions; None: it has none, so it serves in shadow only."""
    peers: HonestPeers | None
    """None: there is nothing to compare a claim with."""

    @property
    def tables(self) -> LeafTables | None:
        """The contribution tables, where the explainer is that."""
        return self.explainer if isinstance(self.explainer, LeafTables) else None

    @property
    def version(self) -> str:
        return self.document.version

    @property
    def features(self) -> tuple[str, ...]:
        return self.document.features

    @property
    def schema(self) -> ModelSchema:
        """The features with their declarations. Raises `UnknownFeatureError` for one this version does not have."""
        return ModelSchema.of(self.document.features, self.document.attributes)

    @property
    def threshold(self) -> float:
        return self.document.threshold

    def margins(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Margins (N,), log-odds before calibration, of vectors in this model's schema (N, F)."""
        return self.model.margins(rows) if self.explainer is None else self.explainer.margins(rows)


def sha256(raw: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(raw).hexdigest()


def canonical_json(value: object) -> bytes:
    """Canonical JSON: sorted keys, no spaces, ASCII, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def write_artefact(
    models: Path,
    *,
    model: Model,
    document: ModelDocument,
    tables: LeafTables | None,
    peers: HonestPeers | None = None,
) -> tuple[Path, str]:
    """Write and sign `models/<version>` atomically; returns the folder and the SHA-256 of its manifest.

    Writing the same artefact again changes nothing, but for a signature that is not accepted. Raises
    `ArtefactExistsError` when the version holds another one, `SigningKeyError` when it cannot be signed, and
    `ValueError` when model, document and tables do not belong together.
    """
    if (tables is not None) != (document.explained_by == "tables"):
        raise ValueError(f"explained_by is {document.explained_by!r}, but tables were {'' if tables else 'not '}passed")
    if problem := _mismatch(model, document):
        raise ValueError(problem)
    native = family_of(document.family).file
    files = {native: model.to_bytes(), DOCUMENT: canonical_json(document.model_dump(mode="json"))}
    if tables is not None:
        files[TABLES] = tables_to_bytes(tables)
    if peers is not None:
        files[PEERS] = peers_to_bytes(peers)
    for name, raw in files.items():
        if len(raw) > LIMITS[name]:
            raise ValueError(f"{name} would be {len(raw):,} bytes, over the limit of {LIMITS[name]:,}")
    listed = {name: {"bytes": len(raw), "sha256": sha256(raw)} for name, raw in files.items()}
    files[MANIFEST] = canonical_json({"files": listed, "format": 1})
    digest = sha256(files[MANIFEST])
    target = models / document.version
    models.mkdir(parents=True, exist_ok=True)
    if target.exists():
        return _same_or_refuse(target, digest), digest
    files[SIGNATURE] = sign_manifest(files[MANIFEST])
    with scratch_folder(STAGING, under=models) as staging:
        for name, raw in files.items():
            with (staging / name).open("xb") as f:
                f.write(raw)
                f.flush()
                os.fsync(f.fileno())
        try:
            staging.rename(target)
        except OSError:
            return _same_or_refuse(target, digest), digest
        sync_folder(models)
    return target, digest


def _mismatch(model: Model, document: ModelDocument) -> str | None:
    """Why a model is not that of a document, if it is not."""
    if model.trees != document.trees or len(model.features) != len(document.features):
        return "the document's trees and features do not match the model"
    if model.features != document.features:
        return "the feature names of the model do not match the document"
    return None


def sync_folder(folder: Path) -> None:
    """Flush the folder entry to disk, so that renames survive a power failure."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _same_or_refuse(target: Path, digest: str) -> Path:
    if sha256(_read(target, MANIFEST, _MANIFEST_LIMIT)) != digest:
        raise ArtefactExistsError(f"{target} already holds another model; use another version")
    try:
        verify_files(target, expected_manifest_sha256=digest)
    except ArtefactUnsignedError:
        sign_artefact(target, expected_manifest_sha256=digest)  # these bytes were made here a moment ago
    return target


def sign_artefact(folder: Path, *, expected_manifest_sha256: str, announce: Callable[[], None] = lambda: None) -> None:
    """Sign a model whose files match its manifest, in place of the signature that it has.

    `announce` is called between the check and the signature. Raises `ArtefactMissingError`, `ArtefactCorruptError` or
    `SigningKeyError`.
    """
    manifest, _ = _read_manifest(folder, expected_manifest_sha256)
    _read_files(folder, manifest)
    announce()
    replace_signature(folder, sign_manifest(manifest))


def _read(folder: Path, name: str, limit: int) -> bytes:
    """Content of a regular file of at most `limit` bytes. Symbolic links are not followed."""
    try:
        descriptor = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise ArtefactMissingError(f"{folder / name} not found") from None
    except OSError as error:
        raise ArtefactCorruptError(f"{folder / name} cannot be opened as a regular file: {error.strerror}") from error
    try:
        with os.fdopen(descriptor, "rb") as f:
            raw = f.read(limit + 1)
    except OSError as error:
        raise ArtefactCorruptError(f"{folder / name} cannot be read: {error.strerror}") from error
    if len(raw) > limit:
        raise ArtefactCorruptError(f"{folder / name} exceeds {limit:,} bytes")
    return raw


def verify_files(path: Path, *, expected_manifest_sha256: str | None = None) -> tuple[dict[str, bytes], str]:
    """The verified content of each file, and the SHA-256 of the manifest. Parses only manifest and signature.

    Without `expected_manifest_sha256` it may be any model that a trusted key signed (`core.signing`).
    Raises `ArtefactMissingError`, `ArtefactUnsignedError` or `ArtefactCorruptError`.
    """
    manifest, digest = _read_manifest(path, expected_manifest_sha256)
    try:
        signature = _read(path, SIGNATURE, SIGNATURE_LIMIT)
    except ArtefactMissingError:
        raise unsigned(path) from None
    check_signature(path, manifest, signature)
    return _read_files(path, manifest), digest


def _read_manifest(path: Path, expected_sha256: str | None) -> tuple[bytes, str]:
    manifest = _read(path, MANIFEST, _MANIFEST_LIMIT)
    digest = sha256(manifest)
    if expected_sha256 is not None and digest != expected_sha256:
        raise ArtefactCorruptError(
            f"{path / MANIFEST} has SHA-256 {digest[:12]}…, expected {expected_sha256[:12]}…; "
            "restore the folder, or promote the model again"
        )
    return manifest, digest


def _read_files(path: Path, manifest: bytes) -> dict[str, bytes]:
    """The content of the files that a manifest lists, each of the stated size and hash."""
    files: dict[str, bytes] = {}
    for name, entry in _entries(path, manifest).items():
        raw = _read(path, name, entry["bytes"])
        if len(raw) != entry["bytes"] or sha256(raw) != entry["sha256"]:
            raise ArtefactCorruptError(f"{path / name} does not match its manifest; restore the folder")
        files[name] = raw
    return files


def _entries(path: Path, manifest: bytes) -> dict[str, ManifestEntry]:
    try:
        value = json.loads(manifest)
        canonical = canonical_json(value) == manifest
    except (ValueError, RecursionError):
        canonical = False
    if not canonical or not isinstance(value, dict) or set(value) != {"files", "format"} or value["format"] != 1:
        raise ArtefactCorruptError(f"{path / MANIFEST} is not a manifest of format 1")
    entries = value["files"]
    listed = set(entries) if isinstance(entries, dict) else set()
    if DOCUMENT not in listed or len(listed & set(NATIVE_FILES)) != 1 or not listed <= set(LIMITS):
        native = " or ".join(NATIVE_FILES)
        others = f"optionally {TABLES} and {PEERS}"
        raise ArtefactCorruptError(f"{path / MANIFEST} must list {native}, {DOCUMENT} and {others}")
    for name, entry in entries.items():
        if not isinstance(entry, dict) or set(entry) != {"bytes", "sha256"}:
            raise ArtefactCorruptError(f"{path / MANIFEST}: the entry of {name} must hold a size and a hash")
        size, digest = entry["bytes"], entry["sha256"]
        if type(size) is not int or not 0 <= size <= LIMITS[name]:
            raise ArtefactCorruptError(f"{path / MANIFEST}: the size of {name} must be from 0 to {LIMITS[name]:,}")
        if not isinstance(digest, str) or not _HASH.fullmatch(digest):
            raise ArtefactCorruptError(f"{path / MANIFEST}: the hash of {name} is not a SHA-256")
    found: dict[str, ManifestEntry] = entries
    return found


def load_artefact(path: Path, *, expected_manifest_sha256: str | None = None, from_store: bool = False) -> Artefact:
    """Verify and load a model.

    `from_store`: the folder comes from a store that others write to. A model of a factory is then refused, because
    loading it imports the module that its document names: nothing that a store holds chooses what is run here.

    Raises `ArtefactMissingError`, `ArtefactUnsignedError`, `ArtefactCorruptError`, `ForeignFactoryError`, or
    `ArtefactOutdatedError` when the tables were written in a format this version does not read.
    """
    files, digest = verify_files(path, expected_manifest_sha256=expected_manifest_sha256)
    try:
        document = ModelDocument.model_validate_json(files[DOCUMENT])
    except ValidationError as error:
        first = error.errors()[0]
        raise ArtefactCorruptError(f"{path / DOCUMENT}: {first['loc']}: {first['msg']}") from None
    if from_store and is_factory(document.family):
        raise ForeignFactoryError(
            f"{document.version} in MLflow is a model of the factory {document.family}, whose module loading it would "
            f"import; train it in this home: `ginja model train --model {document.family}`"
        )
    model = _model_of(path, document, files)
    explainer = _tables_of(path, document, files[TABLES]) if TABLES in files else model.additive()
    if explained_by(explainer) != document.explained_by:
        raise ArtefactCorruptError(
            f"{path}: explained_by is {document.explained_by}, which contradicts the presence or absence of {TABLES}"
        )
    peers = None
    if PEERS in files:
        try:
            peers = read_peers(files[PEERS], features=len(document.features))
        except ValueError as error:
            raise ArtefactCorruptError(f"{path / PEERS}: {error}") from None
    return Artefact(
        path=path,
        manifest_sha256=digest,
        document=document,
        model=model,
        calibrator=document.calibration.calibrator,
        explainer=explainer,
        peers=peers,
    )


def _model_of(path: Path, document: ModelDocument, files: dict[str, bytes]) -> Model:
    """The model in its native form, of the document's family."""
    try:
        family = family_of(document.family)
    except FamilyError as error:
        raise ArtefactCorruptError(f"{path / DOCUMENT}: {error}") from None
    if family.file not in files:
        raise ArtefactCorruptError(f"{path} has no {family.file}, the file of a model of the family {family.spec}")
    try:
        model = family.load(files[family.file], document.features)
    except (ValueError, FamilyError) as error:
        raise ArtefactCorruptError(f"{path / family.file} {error}") from None
    if problem := _mismatch(model, document):
        raise ArtefactCorruptError(f"{path}: {problem}")
    return model


def _tables_of(path: Path, document: ModelDocument, raw: bytes) -> LeafTables:
    try:
        return read_tables(raw, features=len(document.features))
    except OutdatedTablesError as error:
        raise ArtefactOutdatedError(
            f"{path / TABLES}: {error}. Train the model again (`ginja model train`), then promote it."
        ) from None
    except ValueError as error:
        raise ArtefactCorruptError(f"{path / TABLES}: {error}") from None


def version_of(model: Model, *, trained_until: str, salt: str) -> str:
    """A version from the last day of the data (`YYYYMMDD`) and the content: the same inputs give the same version."""
    content = hashlib.sha256(model.to_bytes())
    content.update(salt.encode())
    return f"{np.datetime_as_string(np.datetime64(trained_until, 'D')).replace('-', '')}-{content.hexdigest()[:10]}"
