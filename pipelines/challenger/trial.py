"""Beginning and ending a challenger's trial.

The pointer `models/challenger.json` is what scorers obey, within a second. In shadow a challenger decides nothing, so
no gate is asked; one that decides a share of the claims passes the gates of a promotion first.
"""

import getpass
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.settings import settings
from models import registry
from models.artefact import models_folder, point, read_pointer, unpoint
from models.errors import PointerError
from models.registry import MlflowStore
from pipelines.challenger.errors import ChallengerError
from pipelines.promote import audit
from pipelines.promote.errors import RefusedError
from pipelines.promote.flow import ask, candidate
from pipelines.promote.gates import Verdict

Step = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Trial:
    """A challenger that scores from now on."""

    version: str
    champion: str
    canary_share: float
    verdicts: tuple[Verdict, ...]
    """Of the gates; none where it decides nothing."""

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def start(
    home: Path,
    version: str | None = None,
    *,
    canary_share: float = 0.0,
    store: MlflowStore | None = None,
    step: Step = lambda words: None,
) -> Trial:
    """Let a registered version (the candidate where none is named) score beside the champion, in place of any other.

    Raises `ChallengerError` where there is nothing to challenge, `RefusedError` where it would decide claims and a gate
    refuses, and what fetching and verifying raise; the trial before goes on then.
    """
    store = store or MlflowStore.of(home, settings().mlflow_url)
    version = version or candidate(store)
    champion = read_pointer(home)
    if champion is None:
        raise ChallengerError("there is no champion to challenge; `ginja promote` makes one")
    if champion.version == version:
        raise ChallengerError(f"{version} is the champion; name another version, or train one")
    registry.find(store, version)
    if not (models_folder(home) / version).exists():
        step("Fetching the model from MLflow")
        registry.fetch(store, version, models_folder(home))
    verdicts: tuple[Verdict, ...] = ()
    if canary_share > 0:
        step("Asking the gates")
        verdicts = ask(home, version)
        if not all(verdict.passed for verdict in verdicts):
            raise RefusedError(version, verdicts)
    point(home, version, role="challenger", canary_share=canary_share)
    audit.record(
        home,
        "challenge",
        version=version,
        by=getpass.getuser(),
        reason="every gate passed" if verdicts else "in shadow",
        champion=champion.version,
        canary_share=canary_share,
        gates={verdict.gate: {"passed": verdict.passed, "detail": verdict.detail} for verdict in verdicts},
    )
    return Trial(version, champion.version, canary_share, verdicts)


def stop(home: Path) -> str:
    """End the trial; returns the version that challenged. Raises `ChallengerError` when none does."""
    try:
        version = running(home)
    except PointerError:  # taking it away is how a broken pointer is mended
        version = "unknown"
    unpoint(home, "challenger")
    audit.record(home, "dismiss", version=version, by=getpass.getuser(), reason="the trial ended")
    return version


def running(home: Path) -> str:
    """The version that challenges now. Raises `ChallengerError` when none does."""
    pointer = read_pointer(home, "challenger")
    if pointer is None:
        raise ChallengerError("no challenger runs; `ginja challenger start` begins a trial")
    return pointer.version
