"""Write frames to Parquet files, the same bytes for the same frames."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict, cast

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import JsonValue

DATASET = "dataset.json"
MAX_DISSENT = 0.1
"""Claims with another label than most of their provider's, per fraud, up to which the label is the provider's."""


class DatasetDocument(TypedDict, total=False):
    """`dataset.json`: the origin of a data set. Which keys there are depends on the source."""

    source: str
    frames: Mapping[str, int]
    """Frame → its rows."""
    exported_from: str
    """`database`: claims and labels were replaced by an export."""
    use: str
    """Of exported claims: the use of the champion, which serves them."""
    findings_until: str
    """Of exported claims: when the last finding became known (ISO 8601); absent: there is none."""

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
    source_url: str
    """Where the file comes from, as its mapping states."""
    mapping_document: Mapping[str, JsonValue]
    """The mapping itself: every key that is not the default."""
    columns: Mapping[str, list[str]]
    """Our field, or the feature of an attribute → the columns of the file that it is read from."""
    icd: int | None
    label_of: str
    """`claim` or `provider`."""
    label_times: str
    """`given`, `assumed` (a fixed time after receipt) or `none`."""
    label_known_after_days: int
    """Where label times are assumed: days from receipt to the label."""
    dated: bool
    """False: the file has no date, and all claims have that of the mapping; absent: it has."""
    attributes: Mapping[str, Mapping[str, JsonValue]]
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
    reject_label_rates: Mapping[str, float | None]
    """Reason → share of fraud among its labelled rows."""
    rejected_labels: Mapping[str, int]
    """`labelled` and `fraud` rows that were rejected."""
    accepted_labels: Mapping[str, int]
    """`labelled` and `fraud` rows that became claims."""
    normalized: Mapping[str, int]
    set_to_null: Mapping[str, int]
    ambiguous_dates: Mapping[str, int]
    identical_rows: int
    missing_columns: list[str]
    notes: list[str]
    seconds: float


def read_document(folder: Path) -> DatasetDocument:
    """The `dataset.json` of a folder. Raises `FileNotFoundError` where there is none, `ValueError` for no JSON."""
    return cast("DatasetDocument", json.loads((folder / DATASET).read_text()))


def write_frames(frames: Mapping[str, pa.Table], folder: Path, about: DatasetDocument) -> None:
    """Write each frame as `name.parquet`, and `dataset.json`, which states their origin, last.

    All files are written beside the former ones before the first of those is replaced: a full disk leaves the former
    data set as it was.
    """
    folder.mkdir(parents=True, exist_ok=True)
    partials = {name: folder / f".{name}.parquet.partial" for name in frames}
    document = folder / f".{DATASET}.partial"
    try:
        for name, frame in frames.items():
            pq.write_table(frame, partials[name], compression="zstd", coerce_timestamps="us", row_group_size=1 << 18)
        document.write_text(_json({**about, "frames": {name: len(frame) for name, frame in frames.items()}}))
    except BaseException:
        for partial in (*partials.values(), document):
            partial.unlink(missing_ok=True)
        raise
    (folder / DATASET).unlink(missing_ok=True)
    for name, partial in partials.items():
        partial.replace(folder / f"{name}.parquet")
    document.replace(folder / DATASET)


def _json(document: DatasetDocument) -> str:
    return json.dumps(document, indent=1)


def write_document(document: DatasetDocument, folder: Path) -> None:
    """Write the `dataset.json` of a folder, replacing it whole."""
    partial = folder / f".{DATASET}.partial"
    partial.write_text(_json(document))
    partial.replace(folder / DATASET)
