"""A simulated insurer: two years of claims with known fraud in ten kinds, the same bytes for the same seed."""

from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipelines.simulate.config import (
    KINDS,
    FraudWindow,
    SimulationConfig,
    SimulationError,
)
from pipelines.simulate.insurer import Insurer, simulate
from pipelines.simulate.report import summarize
from pipelines.store import write_frames

__all__ = [
    "KINDS",
    "FraudWindow",
    "Insurer",
    "SimulationConfig",
    "SimulationError",
    "next_claims",
    "simulate",
    "summarize",
    "write",
]


def write(insurer: Insurer, folder: Path) -> None:
    """Write every frame of the insurer to `folder` (`home/data`) as Parquet, with their `dataset.json`."""
    frames = {column.name: getattr(insurer, column.name) for column in fields(insurer) if column.name != "config"}
    config = asdict(insurer.config)
    windows = [{key: str(value) for key, value in window.items()} for window in config.pop("windows")]
    write_frames(frames, folder, {"source": "simulated", **config, "end": str(config["end"]), "windows": windows})


def next_claims(insurer: Insurer, first: int, count: int) -> list[dict[str, Any]]:
    """Claims `first` to `first + count` of those that arrive after the end, in order, each with its `line_items`."""
    rows: list[dict[str, Any]] = insurer.upcoming.slice(first, count).to_pylist()
    lengths = insurer.upcoming.column("lines").to_numpy()
    skipped, taken = int(lengths[:first].sum()), int(lengths[first : first + count].sum())
    lines: pa.Table = insurer.upcoming_lines.slice(skipped, taken)
    by_claim: dict[str, list[dict[str, Any]]] = {}
    for line in lines.to_pylist():
        by_claim.setdefault(line.pop("claim_id"), []).append(line)
    return [{**row, "line_items": by_claim[row["claim_id"]]} for row in rows]
