"""Promote a registered model to champion, or roll back: the pointer file decides, MLflow's alias follows.

Scorers read the pointer file, which is replaced atomically. The alias is written after it, so a crash between the two
leaves an outdated alias, never a champion that does not serve. The next promotion corrects the alias.
"""

from dataclasses import dataclass
from pathlib import Path

from models.artefact import Announce, Pointer, models_folder, not_announced, point, roll_back
from models.errors import RegistryError
from models.mlflow_store import MlflowStore
from models.registry import mlflow_registry
from models.registry.mlflow_registry import CHAMPION


@dataclass(frozen=True, slots=True)
class PointerChange:
    """The champion's pointer after a promotion or rollback."""

    pointer: Pointer
    alias_problem: str | None
    """Why MLflow's alias could not be updated; None: it names the champion."""


def promote(
    home: Path, store: MlflowStore, version: str, *, by: str, why: str, announce: Announce = not_announced
) -> PointerChange:
    """Promote a registered version: fetch it if absent, verify it, replace the pointer, update the alias in MLflow.

    Raises `RegistryError` when the version is not registered and `ArtefactError` when it does not verify; nothing has
    changed then.
    """
    mlflow_registry.find(store, version)
    if not (models_folder(home) / version).exists():
        mlflow_registry.fetch(store, version, models_folder(home))
    pointer = point(home, version, announce=announce)
    problem = _set_alias(store, pointer, {"ginja.promoted_by": by, "ginja.promoted_because": why})
    return PointerChange(pointer, problem)


def roll_back_champion(
    home: Path,
    store: MlflowStore,
    *,
    by: str,
    why: str,
    from_version: str | None = None,
    announce: Announce = not_announced,
) -> PointerChange:
    """Roll back to the previous champion. Works while MLflow is down; `alias_problem` then says so.

    With `from_version` it can be repeated after an interruption: the alias is corrected, and nothing else changes.
    Raises `PointerError` when there is no previous champion, or another one than `from_version`.
    """
    pointer = roll_back(home, from_version=from_version, announce=announce)
    return PointerChange(
        pointer, _set_alias(store, pointer, {"ginja.rolled_back_to_by": by, "ginja.rolled_back_because": why})
    )


def _set_alias(store: MlflowStore, pointer: Pointer, tags: dict[str, str]) -> str | None:
    try:
        mlflow_registry.set_alias(store, CHAMPION, pointer.version)
        mlflow_registry.annotate(store, pointer.version, tags)
    except RegistryError as error:
        return str(error)
    return None
