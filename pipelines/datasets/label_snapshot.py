"""The labels that a model was trained on, kept by their hash, so that a later change of them is seen.

A snapshot holds at most `MAX_LABELS` labels, those of the claims with the smallest hashes of their identifiers: the
same claims in every snapshot of a data set. It is a Parquet file, `models/labels-<SHA-256>.parquet`, named by its
content.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from models.artefact import ModelDocument, models_folder
from pipelines.datasets.examples import Examples

MAX_LABELS = 200_000
_SCHEMA = pa.schema(
    [
        pa.field("claim", pa.uint64(), nullable=False),
        pa.field("fraud", pa.bool_(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("known_us", pa.int64(), nullable=False),
        pa.field("received_us", pa.int64(), nullable=False),
    ]
)


class SnapshotError(Exception):
    """A snapshot cannot be read, or is not the one that its name states."""


@dataclass(frozen=True, slots=True)
class LabelSnapshot:
    """Labels (N,) by hash of the claim, in increasing order."""

    claim: NDArray[np.uint64]
    fraud: NDArray[np.bool_]
    kind: NDArray[np.object_]
    """The kind of fraud; empty for a clean claim or an unknown kind."""
    source: NDArray[np.object_]
    """Who states the label; empty where that is unknown."""
    known_us: NDArray[np.int64]
    """When each label became known; 0 where labels have no dates."""
    received_us: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.claim)

    @classmethod
    def of(cls, examples: Examples, *, dated: bool, maximum: int | None = MAX_LABELS) -> "LabelSnapshot":
        """The labels of examples, at most `maximum` of them; `dated`: whether they have the time they became known."""
        hashes = claim_hashes(examples)
        order = np.argsort(hashes, kind="stable")[:maximum]
        kinds = np.array([kind or "" for kind in examples.kind[order]], dtype=object)
        known = examples.known_us[order] if dated else np.zeros(len(order), dtype=np.int64)
        sources = np.full(len(order), "", dtype=object)
        if examples.label_source is not None:
            sources = np.array([one or "" for one in examples.label_source[order]], dtype=object)
        return cls(hashes[order], examples.fraud[order], kinds, sources, known, examples.received_us[order])

    @property
    def sha256(self) -> str:
        """SHA-256 of the content, in hex."""
        digest = hashlib.sha256()
        for column in (self.claim, self.fraud, self.known_us, self.received_us):
            digest.update(np.ascontiguousarray(column).tobytes())
        for texts in (self.kind, self.source):
            digest.update("\n".join(texts).encode() + b"\0")
        return digest.hexdigest()

    def save(self, home: Path) -> str:
        """Write it, unless it is there, and return its hash."""
        digest = self.sha256
        path = _path(home, digest)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix(".partial")
            columns = [self.claim, self.fraud, self.kind, self.source, self.known_us, self.received_us]
            pq.write_table(pa.table(columns, schema=_SCHEMA), partial, compression="zstd")
            partial.replace(path)
        return digest

    @classmethod
    def load(cls, home: Path, sha256: str) -> "LabelSnapshot":
        """Read the snapshot of a hash. Raises `SnapshotError`."""
        path = _path(home, sha256)
        try:
            table = pq.read_table(path, schema=_SCHEMA)
        except (OSError, pa.ArrowInvalid) as error:
            raise SnapshotError(f"the labels {path} cannot be read: {error}") from None
        claim, fraud, kind, source, known, received = (table[name].to_numpy() for name in _SCHEMA.names)
        found = cls(claim, fraud, kind, source, known, received)
        if found.sha256 != sha256:
            raise SnapshotError(f"{path} does not hold the labels of its hash; restore it")
        return found

    def places_of(self, claim: NDArray[np.uint64]) -> NDArray[np.intp]:
        """The place of each claim hash, -1 where it has no label here."""
        if not len(self.claim):
            return np.full(len(claim), -1, dtype=np.intp)
        place = np.minimum(np.searchsorted(self.claim, claim), len(self.claim) - 1)
        return np.where(self.claim[place] == claim, place, -1)


def claim_hashes(examples: Examples) -> NDArray[np.uint64]:
    """The first 8 bytes of the SHA-256 of each claim's identifier."""
    ids = examples.claims["claim_id"].to_pylist()
    raw = b"".join(hashlib.sha256(one.encode()).digest()[:8] for one in ids)
    return np.frombuffer(raw, dtype=">u8").astype(np.uint64)


def labels_file(home: Path, document: ModelDocument) -> Path | None:
    """The file of the labels that a model states it was trained on; None where it states none or the file is lost."""
    stated = document.provenance.get("labels_sha256")
    path = None if stated is None else _path(home, str(stated))
    return path if path is not None and path.exists() else None


def _path(home: Path, sha256: str) -> Path:
    return models_folder(home) / f"labels-{sha256}.parquet"
