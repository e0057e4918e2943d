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
from pipelines.store import DatasetDocument, write_frames

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
    config = insurer.config
    about: DatasetDocument = {
        "source": "simulated",
        "claims": config.claims,
        "seed": config.seed,
        "end": str(config.end),
        "days": config.days,
        "fraud_rate": config.fraud_rate,
        "live_days": config.live_days,
        "live_claims": config.live_claims,
        "windows": [{name: str(value) for name, value in asdict(window).items()} for window in config.windows],
    }
    write_frames(frames, folder, about)
