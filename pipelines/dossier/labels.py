"""Where the labels came from that a model was trained on, by its snapshot of them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.artefact import ModelDocument
from pipelines.datasets import LabelSnapshot, labels_file


@dataclass(frozen=True, slots=True)
class LabelSourceCount:
    """Labels from one source."""

    source: str
    labels: int
    frauds: int


def label_sources(home: Path, document: ModelDocument) -> list[LabelSourceCount] | None:
    """Labels by source, verified against the hash that the model states; `None`: the home has no such snapshot.

    A snapshot has at most 200,000 labels, those of the claims with the smallest hashes. Raises `SnapshotError`.
    """
    if labels_file(home, document) is None:
        return None
    snapshot = LabelSnapshot.load(home, str(document.provenance["labels_sha256"]))
    return [
        LabelSourceCount(
            str(source) or "not stated",
            int((snapshot.source == source).sum()),
            int(snapshot.fraud[snapshot.source == source].sum()),
        )
        for source in np.unique(snapshot.source.astype(str))
    ]
