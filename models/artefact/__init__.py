"""A model on disk: its document, its verified files, and the pointers to the models that serve.

signing.py   the signature of a manifest
document.py  `ModelDocument`: schema, calibrator, threshold, ranges, provenance
files.py     writing, verifying and loading a folder of files with a manifest of hashes
listing.py   the models of a home, with their roles
pointers.py  `champion.json` and `challenger.json`, replaced atomically
"""

from models.artefact.document import Calibration, ModelDocument, ThresholdRecord, require_reasons
from models.artefact.files import (
    DOCUMENT,
    LIMITS,
    MANIFEST,
    PEERS,
    STAGING,
    TABLES,
    Artefact,
    canonical_json,
    load_artefact,
    sha256,
    sign_artefact,
    verify_files,
    version_of,
    write_artefact,
)
from models.artefact.listing import StoredModel, document_of, stored_model, stored_models
from models.artefact.pointers import (
    Announce,
    Pointer,
    Role,
    load_pointed,
    models_folder,
    not_announced,
    pinned_hashes,
    point,
    read_pointer,
    roll_back,
    target_of,
    unpoint,
)
from models.artefact.signing import SIGNATURE

__all__ = [
    "DOCUMENT",
    "LIMITS",
    "MANIFEST",
    "PEERS",
    "SIGNATURE",
    "STAGING",
    "TABLES",
    "Announce",
    "Artefact",
    "Calibration",
    "ModelDocument",
    "Pointer",
    "Role",
    "StoredModel",
    "ThresholdRecord",
    "canonical_json",
    "document_of",
    "load_artefact",
    "load_pointed",
    "models_folder",
    "not_announced",
    "pinned_hashes",
    "point",
    "read_pointer",
    "require_reasons",
    "roll_back",
    "sha256",
    "sign_artefact",
    "stored_model",
    "stored_models",
    "target_of",
    "unpoint",
    "verify_files",
    "version_of",
    "write_artefact",
]
