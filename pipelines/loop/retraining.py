"""Scheduled retraining: export → quality gates → features → train → promotion gates → promote.

Any failure leaves the champion unchanged: quality gates raise `GateFailed` before anything is trained, promotion gates
raise `RefusedError`, and the candidate remains a candidate.
"""

import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pyarrow.parquet as pq

from models.artefact import document_of, read_pointer
from models.errors import PointerError
from models.registry import MlflowStore
from pipelines.loop.ledger import export
from pipelines.promote import promote
from pipelines.train import TrainOptions, Trust, Watcher, train_and_register


@dataclass(frozen=True, slots=True)
class RetrainResult:
    """A new champion."""

    version: str
    previous: str | None
    source: str
    """`database`, or `files` without one."""
    claims: int
    labels: int
    findings: int
    """Claims with a disposition in the database."""
    average_precision: float
    average_precision_rule: float
    seconds: float
    promoted: bool = True

    def as_json(self) -> dict[str, object]:
        """The JSON form."""
        return asdict(self)


def retrain(
    home: Path,
    *,
    database_url: str | None,
    options: TrainOptions | None = None,
    store: MlflowStore | None = None,
    redis_url: str | None = None,
    watch: Watcher | None = None,
) -> RetrainResult:
    """Retrain on the database's claims, or on `home/data` where there is no database or no claim in it.

    Raises `GateFailed`, `RefusedError`, `DataError`, `LeakageError`, `LoopError`, `RegistryError`; the champion is then
    unchanged.
    """
    started = time.perf_counter()
    watch = watch or Watcher()
    exported = None
    if database_url is not None:
        watch.step("Exporting claims and findings")
        exported = export(database_url, home)
    options = options or TrainOptions()
    if not options.trusted.subjects:
        options = replace(options, trusted=trusted_by_champion(home))
    report = train_and_register(home, options=options, store=store, redis_url=redis_url, watch=watch)
    outcome = promote(home, report.version, store=store, step=watch.step)
    data = home / "data"
    return RetrainResult(
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


def trusted_by_champion(home: Path) -> Trust:
    """What the champion trusts: its use is the same, and so are the signs of leaks. Nothing without a champion."""
    try:
        pointer = read_pointer(home)
    except PointerError:
        return Trust()
    document = None if pointer is None else document_of(home, pointer.version)
    stated = None if document is None else document.provenance.get("trusted")
    if not isinstance(stated, dict) or not stated:
        return Trust()
    return Trust(tuple(stated), "; ".join(dict.fromkeys(str(why) for why in stated.values())))
