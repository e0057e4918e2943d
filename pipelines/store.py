"""Write frames to Parquet files, the same bytes for the same frames."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict, cast

import pyarrow as pa
import pyarrow.parquet as pq

DATASET = "dataset.json"


class DatasetDocument(TypedDict, total=False):
    """`dataset.json`: the origin of a data set. Which keys there are depends on the source."""

    source: str
    frames: Mapping[str, int]
    """Frame → its rows."""
    exported_from: str
    """`database`: claims and labels were replaced by an export."""

    # Simulated: the configuration.
    claims: int
    """Also of an ingested file: rows that became claims."""
    seed: int
    end: str
    days: int
    fraud_rate: float
    live_days: int
    live_claims: int | None
    windows: list[dict[str, str]]

    # Ingested: how the file was read.
    file: str
    mapping: str
    """Digest of the mapping."""
    icd: int | None
    label_of: str
    """`claim` or `provider`."""
    label_times: str
    """`given` or `none`."""
    attributes: Mapping[str, Mapping[str, str | None]]
    """Attribute → its declaration (`claims.attributes.Attribute`); the values are in `attributes.parquet`."""

    # Ingested: the summary.
    dataset: str
    rows: int
    labelled: int
    fraud: int
    rejected: int
    empty_lines: int
    reject_file: str
    reasons: Mapping[str, int]
    """Reason → rejected rows."""
    missing_columns: list[str]
    notes: list[str]
    seconds: float


def read_document(folder: Path) -> DatasetDocument:
    """The `dataset.json` of a folder. Raises `FileNotFoundError` where there is none, `ValueError` for no JSON."""
    return cast("DatasetDocument", json.loads((folder / DATASET).read_text()))


def write_frames(frames: Mapping[str, pa.Table], folder: Path, about: DatasetDocument) -> None:
    """Write each frame as `name.parquet`, and `dataset.json`, which states their origin, last.

    A file is replaced whole: a reader sees either the old or the new file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / DATASET).unlink(missing_ok=True)
    for name, frame in frames.items():
        partial = folder / f".{name}.parquet.partial"
        pq.write_table(frame, partial, compression="zstd", coerce_timestamps="us", row_group_size=1 << 18)
        partial.replace(folder / f"{name}.parquet")
    write_document({**about, "frames": {name: len(frame) for name, frame in frames.items()}}, folder)


def write_document(document: DatasetDocument, folder: Path) -> None:
    """Write the `dataset.json` of a folder, replacing it whole."""
    partial = folder / f".{DATASET}.partial"
    partial.write_text(json.dumps(document, indent=1))
    partial.replace(folder / DATASET)
