"""Roll back to the previous champion: pointer, alias, audit trail. Nothing heavy is imported, so it is fast."""

import getpass
import time
from pathlib import Path

from core.settings import settings
from models.artefact import Pointer
from models.errors import PointerError
from models.registry import MlflowStore, promotion
from pipelines import audit_trail
from pipelines.promote.outcome import Promotion


def rollback(
    home: Path,
    *,
    by: str | None = None,
    reason: str = "rolled back",
    from_version: str | None = None,
    store: MlflowStore | None = None,
) -> Promotion:
    """Make the previous champion the champion; works while MLflow is down. Raises `PointerError` when there is none.

    With `from_version` it is done once, however often it is called, and raises `PointerError` if another is champion.
    """
    started = time.perf_counter()
    store = store or MlflowStore.of(home, settings().mlflow_url)
    by = by or getpass.getuser()
    replaced: list[str] = []

    def announce(before: Pointer | None) -> None:
        if before is None or before.previous is None:
            raise PointerError("there is no previous champion to roll back to")
        replaced.append(before.version)
        audit_trail.record(
            home, "rollback", version=before.previous.version, by=by, reason=reason, previous=before.version
        )

    done = promotion.roll_back_champion(home, store, by=by, why=reason, from_version=from_version, announce=announce)
    return Promotion(
        version=done.pointer.version,
        previous=replaced[0] if replaced else from_version,
        verdicts=(),
        forced=False,
        alias_problem=done.alias_problem,
        seconds=round(time.perf_counter() - started, 2),
    )
