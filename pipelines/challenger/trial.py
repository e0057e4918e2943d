"""Start and stop the trial of a challenger.

Scorers follow the pointer `models/challenger.json` within a second. In shadow mode a challenger decides nothing, so no
gate is checked; one that decides a share of the claims (canary) must pass the promotion gates first.
"""

import getpass
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.settings import settings
from models import registry
from models.artefact import Pointer, document_of, models_folder, point, read_pointer, require_reasons, unpoint
from models.errors import PointerError
from models.registry import MlflowStore
from pipelines import audit_trail
from pipelines.challenger.errors import ChallengerError
from pipelines.promote import RefusedError, Verdict, candidate, check_version, gates_json

Step = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Trial:
    """A challenger that scores beside the champion."""

    version: str
    champion: str
    canary_share: float
    verdicts: tuple[Verdict, ...]
    """The results of the gates; empty in shadow mode."""

    def as_json(self) -> dict[str, object]:
        """The JSON form."""
        return {
            "version": self.version,
            "champion": self.champion,
            "canary_share": self.canary_share,
            "verdicts": [verdict.as_json() for verdict in self.verdicts],
        }


def start(
    home: Path,
    version: str | None = None,
    *,
    canary_share: float = 0.0,
    store: MlflowStore | None = None,
    step: Step = lambda words: None,
) -> Trial:
    """Let a registered version (by default the candidate) score beside the champion, replacing any other challenger.

    Raises `ChallengerError` where there is no champion to challenge or `canary_share` is not a share. Where it would
    decide claims: `ShadowOnlyError` without exact reasons, and `RefusedError` where a gate refuses. Also what fetching
    and verifying raise. The previous trial then continues.
    """
    if not 0 <= canary_share <= 1:
        raise ChallengerError(f"the canary share must be between 0 and 1, not {canary_share}")
    store = store or MlflowStore.of(home, settings().mlflow_url)
    version = version or candidate(store)
    champion = read_pointer(home)
    if champion is None:
        raise ChallengerError("there is no champion to challenge; promote a model first with `ginja model promote`")
    if champion.version == version:
        raise ChallengerError(f"{version} is the champion; name another version, or train one")
    registry.find(store, version)
    if not (models_folder(home) / version).exists():
        step("Fetching the model from MLflow")
        registry.fetch(store, version, models_folder(home))
    verdicts: tuple[Verdict, ...] = ()
    if canary_share > 0:
        if (document := document_of(home, version)) is not None:
            require_reasons(document)
        step("Checking the gates")
        checked = check_version(home, version)
        checked.record(home, by=getpass.getuser())
        verdicts = checked.verdicts
        if not all(verdict.passed for verdict in verdicts):
            raise RefusedError(version, verdicts)

    def announce(_before: Pointer | None) -> None:
        audit_trail.record(
            home,
            "challenge",
            version=version,
            by=getpass.getuser(),
            reason="every gate passed" if verdicts else "shadow mode",
            champion=champion.version,
            canary_share=canary_share,
            gates=gates_json(verdicts),
        )

    point(home, version, role="challenger", canary_share=canary_share, announce=announce)
    return Trial(version, champion.version, canary_share, verdicts)


def stop(home: Path) -> str:
    """Stop the trial; returns the version of the challenger. Raises `ChallengerError` when there is none."""
    try:
        version = running(home)
    except PointerError:  # removing it is how an invalid pointer is repaired
        version = "unknown"
    by = getpass.getuser()
    unpoint(
        home,
        "challenger",
        announce=lambda _: audit_trail.record(home, "dismiss", version=version, by=by, reason="the trial ended"),
    )
    return version


def running(home: Path) -> str:
    """The version of the current challenger. Raises `ChallengerError` when there is none."""
    pointer = read_pointer(home, "challenger")
    if pointer is None:
        raise ChallengerError("there is no challenger; start a trial with `ginja model trial start`")
    return pointer.version
