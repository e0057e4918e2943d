"""The serving models, and replacing them without interrupting requests.

A background task (`core/background.py`) reads the pointers once per second. The models they name are verified, loaded
and warmed up on another thread, then swapped in one assignment. A model that fails to load, for whatever reason, is
refused: the previous one keeps serving, and log and metrics report it.
"""

import asyncio
import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.logging import get_logger
from models.artefact import Pointer, Role, load_pointed, read_pointer
from models.errors import ModelError
from models.scorer import Scorer
from serving import metrics

RETRY_SECONDS = 5.0
"""Interval between attempts to load a refused model, whose folder may have been restored."""

_log = get_logger("serving")


@dataclass(frozen=True, slots=True)
class LoadedModels:
    """The models at one moment; a request uses the same ones throughout."""

    champion: Scorer | None = None
    challenger: Scorer | None = None
    canary_share: float = 0.0


@dataclass(frozen=True, slots=True)
class _RefusedModel:
    manifest_sha256: str
    reason: str
    retry_at: float


class ModelWatcher:
    """Watches the pointers of one home."""

    def __init__(self, home: Path, *, warm: Callable[[Scorer], None]) -> None:
        self._home = home
        self._warm = warm
        self._refused: dict[Role, _RefusedModel] = {}
        self.models = LoadedModels()

    async def refresh(self) -> None:
        """Load the models the pointers name, where they are new and verify."""
        champion, _ = await self._current("champion", self.models.champion)
        challenger, pointer = await self._current("challenger", self.models.challenger)
        pointed = pointer is not None and challenger is not None and pointer.version == challenger.version
        self.models = LoadedModels(champion, challenger, pointer.canary_share if pointer and pointed else 0.0)

    async def _current(self, role: Role, serving: Scorer | None) -> tuple[Scorer | None, Pointer | None]:
        try:
            pointer = read_pointer(self._home, role)
        except Exception as error:  # whatever is wrong with the file, the model that serves goes on serving
            self._refuse(role, "", error)
            return serving, None
        if pointer is None:
            if role == "champion" or serving is None:
                return serving, None  # a missing champion pointer is a fault; its model keeps serving
            metrics.MODEL_INFO.labels(role, serving.version).set(0)
            _log.info("model removed", role=role, model_version=serving.version)
            return None, None
        if serving is not None and serving.manifest_sha256 == pointer.manifest_sha256:
            self._refused.pop(role, None)
            return serving, pointer
        refused = self._refused.get(role)
        known = refused is not None and refused.manifest_sha256 == pointer.manifest_sha256
        if known and refused is not None and time.monotonic() < refused.retry_at:
            return serving, pointer
        try:
            loaded = await asyncio.to_thread(self._load, pointer)
        except Exception as error:  # verifying, loading and warming up run code of several libraries
            self._refuse(role, pointer.manifest_sha256, error)
            return serving, pointer
        self._record_loaded(role, serving, loaded)
        return loaded, pointer

    def _load(self, pointer: Pointer) -> Scorer:
        scorer = Scorer(load_pointed(self._home, pointer))
        self._warm(scorer)
        gc.freeze()  # its objects live as long as it serves, so later collections can skip them
        return scorer

    def _record_loaded(self, role: Role, before: Scorer | None, after: Scorer) -> None:
        self._refused.pop(role, None)
        metrics.RELOADS.labels(role).inc()
        if before is not None:
            metrics.MODEL_INFO.labels(role, before.version).set(0)
        metrics.MODEL_INFO.labels(role, after.version).set(1)
        _log.info("model loaded", role=role, model_version=after.version, before=before.version if before else None)

    def _refuse(self, role: Role, manifest_sha256: str, error: Exception) -> None:
        before = self._refused.get(role)
        reason = type(error).__name__
        metrics.RELOADS_REFUSED.labels(role, reason).inc()
        self._refused[role] = _RefusedModel(manifest_sha256, reason, time.monotonic() + RETRY_SECONDS)
        if before is None or (before.manifest_sha256, before.reason) != (manifest_sha256, reason):
            trace = None if isinstance(error, ModelError | OSError) else error  # of a defect, where it is
            _log.error(
                "model refused, previous model keeps serving",
                role=role,
                reason=reason,
                detail=str(error),
                exc_info=trace,
            )
