"""The chain that a schedule runs: export → gate → features → train → gates → promote.

Whatever stops it leaves the champion as it was: quality gates raise `GateFailed` before anything is trained, the gates
for promotion raise `RefusedError`, and the candidate stays a candidate.
"""

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from models.registry import MlflowStore
from pipelines.loop.ledger import export
from pipelines.promote.flow import promote
from pipelines.train.flow import Watcher, train_and_register
from pipelines.train.options import TrainOptions


@dataclass(frozen=True, slots=True)
class Retrained:
    """A new champion."""

    version: str
    previous: str | None
    source: str
    """`database`, or `files` where there is none."""
    claims: int
    labels: int
    findings: int
    """Claims with a disposition, of the database."""
    average_precision: float
    average_precision_rule: float
    seconds: float
    promoted: bool = True

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def retrain(
    home: Path,
    *,
    database_url: str | None,
    options: TrainOptions | None = None,
    store: MlflowStore | None = None,
    redis_url: str | None = None,
    watch: Watcher | None = None,
) -> Retrained:
    """Run the chain on the database's claims, or on `home/data` where there is no database or no claim in it.

    Raises `GateFailed`, `RefusedError`, `TrainError`, `LoopError`, `RegistryError`; the champion is what it was then.
    """
    started = time.perf_counter()
    watch = watch or Watcher()
    exported = None
    if database_url is not None:
        watch.step("Exporting claims and findings")
        exported = export(database_url, home)
    report = train_and_register(home, options=options, store=store, redis_url=redis_url, watch=watch)
    outcome = promote(home, report.version, store=store, step=watch.step)
    data = home / "data"
    return Retrained(
        version=outcome.version,
        previous=outcome.previous,
        source="database" if exported else "files",
        claims=pq.read_metadata(data / "claims.parquet").num_rows,
        labels=pq.read_metadata(data / "labels.parquet").num_rows,
        findings=exported.findings if exported else 0,
        average_precision=report.ap_model,
        average_precision_rule=report.ap_rule,
        seconds=round(time.perf_counter() - started, 1),
    )
