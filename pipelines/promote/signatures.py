"""Sign models that this home does not accept: of an earlier version of Ginja, or of another home.

A signature says who answers for a model, so each is recorded in the audit trail with a name and a reason, before it is
made. Only a model whose files match their hashes is signed: those of its pointer where it serves, and those that MLflow
recorded where it is fetched.
"""

from dataclasses import dataclass
from pathlib import Path

from core.settings import settings
from core.signing import signing_key
from models import registry
from models.artefact import MANIFEST, models_folder, pinned_hashes, sign_artefact, target_of, verify_files
from models.errors import ArtefactError, ArtefactUnsignedError
from models.registry import MlflowStore
from pipelines import audit_trail
from pipelines.promote.errors import UnnamedForceError


@dataclass(frozen=True, slots=True)
class SignedModels:
    """What was signed, and what could not be."""

    signed: tuple[str, ...]
    problems: dict[str, str]
    """Version → why it was not signed."""

    def as_json(self) -> dict[str, object]:
        """The JSON form."""
        return {"signed": list(self.signed), "problems": self.problems}


def sign_model(home: Path, version: str, *, by: str, reason: str, store: MlflowStore | None = None) -> SignedModels:
    """Sign one model, which is fetched from MLflow where the home does not have it.

    Raises `ArtefactError` where its files do not match their hashes, `UnnamedForceError` without a name or a reason,
    and what `models.registry.adopt` raises.
    """
    _require_names(by, reason)
    if not (models_folder(home) / version).exists():
        store = store or MlflowStore.of(home, settings().mlflow_url)
        registry.adopt(
            store, version, models_folder(home), announce=lambda digest: _record(home, version, digest, by, reason)
        )
    else:
        _sign(home, version, by=by, reason=reason)
    return SignedModels((version,), {})


def sign_models(home: Path, *, by: str, reason: str) -> SignedModels:
    """Sign every model of the home that it does not accept; those that are damaged are left out, and named.

    Raises `UnnamedForceError` without a name or a reason.
    """
    _require_names(by, reason)
    signed, problems = [], {}
    for folder in sorted(path.parent for path in models_folder(home).glob(f"*/{MANIFEST}")):
        try:
            verify_files(folder)
        except ArtefactUnsignedError:
            try:
                _sign(home, folder.name, by=by, reason=reason)
                signed.append(folder.name)
            except ArtefactError as error:
                problems[folder.name] = str(error)
        except ArtefactError as error:
            problems[folder.name] = str(error)
    return SignedModels(tuple(signed), problems)


def _sign(home: Path, version: str, *, by: str, reason: str) -> None:
    folder = models_folder(home) / version
    found = target_of(home, version).manifest_sha256
    pinned = pinned_hashes(home).get(version, found)
    sign_artefact(folder, expected_manifest_sha256=pinned, announce=lambda: _record(home, version, pinned, by, reason))


def _record(home: Path, version: str, manifest_sha256: str, by: str, reason: str) -> None:
    signing_key(settings())  # what cannot be signed is not recorded as signed
    audit_trail.record(home, "sign", version=version, by=by, reason=reason, manifest_sha256=manifest_sha256)


def _require_names(by: str, reason: str) -> None:
    if not by.strip() or not reason.strip():
        raise UnnamedForceError("signing a model requires --by NAME and --reason TEXT")
