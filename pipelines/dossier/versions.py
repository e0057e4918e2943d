"""One version of a model for an examiner's file: its document without hashes of persons, files, signature, run."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from pydantic import JsonValue

from models.artefact import MANIFEST, SIGNATURE, ModelDocument, models_folder, sha256, stored_models
from models.registry import MlflowStore, RunFacts, run_text

_LEFT_OUT: Final = {"training_range", "typical", "attributes"}
"""Parts of the document that are values of claims."""


@dataclass(frozen=True, slots=True)
class VersionRecord:
    """What the home and MLflow have of a version. Its files never change: their hashes are in a signed manifest."""

    version: str
    document: ModelDocument | None
    """None: the folder is gone, or its files do not match the signed manifest."""
    problem: str | None
    """Why there is no document; none: signature and hashes were verified now."""
    manifest: bytes | None
    signature: bytes | None
    run: RunFacts | None
    """Its training in MLflow; none: MLflow has none that ended before the instant."""
    evaluation: Mapping[str, JsonValue] | None
    """As the run logged it."""
    dataset: Mapping[str, JsonValue] | None
    """How the data were read, as the run logged it."""

    @property
    def manifest_sha256(self) -> str | None:
        """The hash that pins every file of the version."""
        return None if self.manifest is None else sha256(self.manifest)

    @property
    def summary(self) -> dict[str, JsonValue] | None:
        """The document without values of claims and hashes of providers."""
        if self.document is None:
            return None
        dumped: dict[str, JsonValue] = self.document.model_dump(mode="json")
        shown = {name: value for name, value in dumped.items() if name not in _LEFT_OUT}
        use = shown.get("use")
        if isinstance(use, dict):
            shown["use"] = {name: value for name, value in use.items() if name != "population"}
        return shown


def version_record(
    home: Path, version: str, store: MlflowStore | None, runs: Sequence[RunFacts], until: datetime
) -> VersionRecord:
    """Read and verify a version; `runs` are those that ended before `until`. Raises `RegistryError`."""
    found = {one.version: one for one in stored_models(home)}.get(version)
    folder = models_folder(home) / version
    run = next((one for one in reversed(runs) if one.kind in ("training", "threshold") and one.model == version), None)
    if run is None:
        run = next((one for one in reversed(runs) if one.name == version), None)
    return VersionRecord(
        version=version,
        document=None if found is None else found.document,
        problem="the home has no files of it any more" if found is None else found.problem,
        manifest=_read(folder / MANIFEST),
        signature=_read(folder / SIGNATURE),
        run=run,
        evaluation=_json(store, run, "evaluation.json"),
        dataset=_json(store, run, "data/dataset.json"),
    )


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _json(store: MlflowStore | None, run: RunFacts | None, name: str) -> dict[str, JsonValue] | None:
    if store is None or run is None:
        return None
    text = run_text(store, run.run_id, name)
    found = None if text is None else json.loads(text)
    return found if isinstance(found, dict) else None
