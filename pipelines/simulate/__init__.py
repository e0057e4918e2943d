"""A simulated insurer: two years of claims with known fraud in ten kinds, the same bytes for the same seed."""

from dataclasses import asdict, fields
from pathlib import Path

from pipelines.simulate.config import (
    KINDS,
    FraudWindow,
    SimulationConfig,
    SimulationError,
)
from pipelines.simulate.insurer import Insurer, simulate
from pipelines.simulate.report import SimulationSummary, summarize
from pipelines.simulate.upcoming import UpcomingClaim, UpcomingLine, next_claims
from pipelines.store import write_frames

__all__ = [
    "KINDS",
    "FraudWindow",
    "Insurer",
    "SimulationConfig",
    "SimulationError",
    "SimulationSummary",
    "UpcomingClaim",
    "UpcomingLine",
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
