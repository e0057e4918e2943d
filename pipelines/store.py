"""Write frames to Parquet files, the same bytes for the same frames."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

DATASET = "dataset.json"


def write_frames(frames: dict[str, pa.Table], folder: Path, about: dict[str, Any]) -> None:
    """Write each frame as `name.parquet`, and `dataset.json`, which states their origin, last.

    A file is replaced whole: a reader sees either the old or the new file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / DATASET).unlink(missing_ok=True)
    for name, frame in frames.items():
        partial = folder / f".{name}.parquet.partial"
        pq.write_table(frame, partial, compression="zstd", coerce_timestamps="us", row_group_size=1 << 18)
        partial.replace(folder / f"{name}.parquet")
    partial = folder / f".{DATASET}.partial"
    counts = {name: len(frame) for name, frame in frames.items()}
    partial.write_text(json.dumps({**about, "frames": counts}, indent=1))
    partial.replace(folder / DATASET)
