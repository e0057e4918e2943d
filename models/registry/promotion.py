"""Making a registered model the champion, and undoing it: the pointer decides, MLflow's alias follows.

The pointer file is what scorers obey, and it is replaced in one step. The alias is written after it, so a crash between
the two leaves an alias that is behind, never a champion that does not serve; the next promotion or `align` mends it.
"""

from dataclasses import dataclass
from pathlib import Path

from models.artefact import Pointer, models_folder, point, read_pointer, roll_back
from models.errors import PointerError, RegistryError
from models.registry import mlflow_registry
from models.registry.mlflow_registry import CHAMPION, MlflowStore


@dataclass(frozen=True, slots=True)
class Promotion:
    """Where the champion's pointer is now, and what is wrong with MLflow's alias, if anything."""

    pointer: Pointer
    alias_problem: str | None


def promote(home: Path, store: MlflowStore, version: str, *, by: str, why: str) -> Promotion:
    """Make a registered version the champion: fetched if it is not there, verified, pointed to, then named in MLflow.

    Raises before anything changed when the version is not registered or does not verify.
    """
    mlflow_registry.find(store, version)
    if not (models_folder(home) / version).exists():
        mlflow_registry.fetch(store, version, models_folder(home))
    pointer = point(home, version)
    problem = _align(store, pointer, {"ginja.promoted_by": by, "ginja.promoted_because": why})
    return Promotion(pointer, problem)


def undo(home: Path, store: MlflowStore, *, by: str, why: str) -> Promotion:
    """Go back to the champion before. Works while MLflow is down: its alias then stays behind, as the answer says."""
    pointer = roll_back(home)
    return Promotion(pointer, _align(store, pointer, {"ginja.rolled_back_to_by": by, "ginja.rolled_back_because": why}))


def align(home: Path, store: MlflowStore) -> str:
    """Let MLflow's alias name the champion the pointer names; returns its version."""
    pointer = read_pointer(home)
    if pointer is None:
        raise PointerError("there is no champion yet")
    if mlflow_registry.aliases(store).get(CHAMPION) != pointer.version:
        mlflow_registry.set_alias(store, CHAMPION, pointer.version)
    return pointer.version


def _align(store: MlflowStore, pointer: Pointer, tags: dict[str, str]) -> str | None:
    try:
        mlflow_registry.set_alias(store, CHAMPION, pointer.version)
        mlflow_registry.annotate(store, pointer.version, tags)
    except RegistryError as error:
        return str(error)
    return None
