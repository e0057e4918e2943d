"""Roll back to the previous champion: pointer, alias, audit trail. Nothing heavy is imported, so it is fast."""

import getpass
import time
from pathlib import Path

from core.settings import settings
from models.artefact import read_pointer
from models.registry import MlflowStore, promotion
from pipelines import audit_trail
from pipelines.promote.outcome import Promotion


def rollback(
    home: Path, *, by: str | None = None, reason: str = "rolled back", store: MlflowStore | None = None
) -> Promotion:
    """Make the previous champion the champion; works while MLflow is down. Raises `PointerError` when there is none."""
    started = time.perf_counter()
    store = store or MlflowStore.of(home, settings().mlflow_url)
    before = read_pointer(home)
    by = by or getpass.getuser()
    done = promotion.roll_back_champion(home, store, by=by, why=reason)
    previous = before.version if before else None
    audit_trail.record(home, "rollback", version=done.pointer.version, by=by, reason=reason, previous=previous)
    return Promotion(
        version=done.pointer.version,
        previous=previous,
        verdicts=(),
        forced=False,
        alias_problem=done.alias_problem,
        seconds=round(time.perf_counter() - started, 2),
    )
