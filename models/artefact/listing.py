"""The models of a home, from their folders; nothing is loaded and nothing is written."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from models.artefact.document import ModelDocument
from models.artefact.files import DOCUMENT, MANIFEST, verify_files
from models.artefact.pointers import models_folder, read_pointer
from models.errors import ArtefactCorruptError, ArtefactError, ArtefactMissingError


@dataclass(frozen=True, slots=True)
class StoredModel:
    """One folder of models; `document` is None where the folder cannot be used, and `problem` says why."""

    version: str
    roles: tuple[str, ...]
    """Of 'champion', 'challenger' and 'previous champion'."""
    document: ModelDocument | None
    problem: str | None


def stored_models(home: Path) -> list[StoredModel]:
    """Every model of the home, newest version first; files are verified against their manifest.

    Raises `PointerError` when a pointer cannot be read.
    """
    roles = _roles(home)
    folders = sorted(models_folder(home).glob(f"*/{MANIFEST}"), reverse=True)
    return [_stored(manifest.parent, roles.get(manifest.parent.name, ())) for manifest in folders]


def stored_model(home: Path, version: str | None = None) -> StoredModel:
    """One of them, the champion without `version`. Raises `ArtefactMissingError` when there is none."""
    if version is None:
        pointer = read_pointer(home)
        if pointer is None:
            raise ArtefactMissingError(f"{home} has no champion; run `ginja model train` and `ginja model promote`")
        version = pointer.version
    found = {model.version: model for model in stored_models(home)}
    if version not in found:
        known = ", ".join(found) or "none"
        raise ArtefactMissingError(f"{models_folder(home)} has no model {version!r}; available: {known}")
    return found[version]


def document_of(home: Path, version: str) -> ModelDocument | None:
    """The document of one model; None where its folder cannot be used. No pointer is read."""
    return _stored(models_folder(home) / version, ()).document


def _roles(home: Path) -> dict[str, tuple[str, ...]]:
    champion, challenger = read_pointer(home), read_pointer(home, "challenger")
    named = [
        (champion, "champion"),
        (challenger, "challenger"),
        (None if champion is None else champion.previous, "previous champion"),
    ]
    roles: dict[str, tuple[str, ...]] = {}
    for target, role in named:
        if target is not None:
            roles[target.path] = (*roles.get(target.path, ()), role)
    return roles


def _stored(folder: Path, roles: tuple[str, ...]) -> StoredModel:
    try:
        files, _ = verify_files(folder)
        document = ModelDocument.model_validate_json(files[DOCUMENT])
        if document.version != folder.name:
            raise ArtefactCorruptError(f"{folder / DOCUMENT} is of version {document.version}")
    except ArtefactError as error:
        return StoredModel(folder.name, roles, None, str(error))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the document"
        return StoredModel(folder.name, roles, None, f"{folder / DOCUMENT}: {place}: {first['msg']}")
    return StoredModel(folder.name, roles, document, None)
