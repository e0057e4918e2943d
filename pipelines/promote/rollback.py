"""Back to the champion before: pointer, alias, audit trail. Nothing is measured, so nothing heavy is imported."""

import getpass
import time
from pathlib import Path

from core.settings import settings
from models.artefact import read_pointer
from models.registry import MlflowStore, promotion
from pipelines.promote import audit
from pipelines.promote.outcome import Outcome


def rollback(
    home: Path, *, by: str | None = None, reason: str = "rolled back", store: MlflowStore | None = None
) -> Outcome:
    """Go back to the champion before; works while MLflow is down. Raises `PointerError` when there is none."""
    started = time.perf_counter()
    store = store or MlflowStore.of(home, settings().mlflow_url)
    before = read_pointer(home)
    by = by or getpass.getuser()
    done = promotion.roll_back_champion(home, store, by=by, why=reason)
    previous = before.version if before else None
    audit.record(home, "rollback", version=done.pointer.version, by=by, reason=reason, previous=previous)
    return Outcome(
        done.pointer.version, previous, (), False, done.alias_problem, round(time.perf_counter() - started, 2)
    )
