"""Writing the Feast registry, and opening it only as it was written.

    apply(home, redis_url) -> str      writes <home>/features/registry.db once, returns, pins and signs its SHA-256
    open_store(home) -> FeatureStore   refuses a registry whose bytes are not the pinned ones, or not signed

Feast trusts its registry and can be made to run code from it, so no other command writes it. The signature also covers
`feature_store.yaml`, which names the classes that Feast imports.
"""

import hashlib
import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from core.errors import SignatureError
from core.settings import settings
from core.signing import Signature, signing_key, trusted_keys
from features.declare import VIEWS
from features.errors import NotBuiltError, RegistryChangedError

if TYPE_CHECKING:
    from feast import FeatureStore


def registry_path(home: Path) -> Path:
    """The registry of a home."""
    return home / "features" / "registry.db"


def pin_path(home: Path) -> Path:
    """The file of the registry's pinned SHA-256."""
    return home / "features" / "registry.sha256"


def layout_path(home: Path) -> Path:
    """The file of the `layout_hash` that the registry was written for."""
    return home / "features" / "registry.layout"


def signature_path(home: Path) -> Path:
    """The file of the signature of the registry and its configuration."""
    return home / "features" / "registry.signature"


def _configuration_path(home: Path) -> Path:
    return home / "features" / "feature_store.yaml"


@cache
def layout_hash() -> str:
    """SHA-256, in hex, of the name, keys and stored fields of every view, and of the store classes."""
    views = [[view.name, view.keys, [(field.name, field.size) for field in view.fields]] for view in VIEWS]
    template = yaml.safe_load(_template())
    stores = [template[store]["type"] for store in ("offline_store", "online_store")]
    return hashlib.sha256(json.dumps([views, stores]).encode()).hexdigest()


def _template() -> str:
    return files("features.feast").joinpath("feature_store.yaml").read_text()


def apply(home: Path, redis_url: str) -> str:
    """Write configuration and registry from the declarations; returns the registry's SHA-256, in hex.

    The new registry is written beside the old one and replaces it in one step, read-only.
    """
    from feast import FeatureStore, RepoConfig

    from features.feast.definitions import feast_objects

    home = home.resolve()
    folder = home / "features"
    folder.mkdir(parents=True, exist_ok=True)
    configuration = _configuration(home, redis_url)
    draft = folder / "registry.db.new"
    draft.unlink(missing_ok=True)
    config = RepoConfig(**{**configuration, "registry": {**configuration["registry"], "path": str(draft)}})
    FeatureStore(config=config).apply(feast_objects(home))
    draft.chmod(0o400)
    digest = hashlib.sha256(draft.read_bytes()).hexdigest()
    text = yaml.safe_dump(configuration, sort_keys=False)
    signature = signing_key(settings()).sign("feature registry", _signed(digest, text.encode()))
    _replace(_configuration_path(home), text)
    _replace(signature_path(home), signature.to_bytes().decode())
    _replace(pin_path(home), f"{digest}\n")
    _replace(layout_path(home), f"{layout_hash()}\n")
    draft.replace(registry_path(home))
    return digest


def open_store(home: Path, *, expected: str | None = None) -> "FeatureStore":
    """The Feast store of a home, after checking its registry against the pinned SHA-256, or against `expected`.

    Raises `NotBuiltError` where nothing was applied, `RegistryChangedError` where the registry differs.
    """
    from feast import FeatureStore, RepoConfig

    home = home.resolve()
    verify_registry(home, expected=expected)
    configuration = yaml.safe_load(_configuration_path(home).read_text())
    return FeatureStore(config=RepoConfig(**configuration))


def verify_registry(home: Path, *, expected: str | None = None) -> str:
    """Check the registry against the pinned SHA-256, or against `expected`, and its signature; returns its SHA-256.

    Raises as `open_store` does.
    """
    try:
        found = hashlib.sha256(registry_path(home).read_bytes()).hexdigest()
        pinned = expected or pin_path(home).read_text().strip()
    except FileNotFoundError as error:
        raise NotBuiltError(f"{error.filename} not found; run `ginja features apply`") from error
    if found != pinned:
        raise RegistryChangedError(
            f"{registry_path(home)} has SHA-256 {found}, not {pinned} as applied; find out what changed it, "
            "then run `ginja features apply`"
        )
    declared = layout_path(home)
    if not declared.exists() or declared.read_text().strip() != layout_hash():
        raise RegistryChangedError(
            f"{registry_path(home)} was applied for other declarations than those of this version; "
            "run `ginja features apply`, then `ginja features rebuild` where a platform runs on it"
        )
    _verify_signature(home, found)
    return found


def _verify_signature(home: Path, digest: str) -> None:
    try:
        configuration = _configuration_path(home).read_bytes()
        signature = Signature.parse(signature_path(home).read_bytes())
        trusted_keys(settings()).verify("feature registry", _signed(digest, configuration), signature)
    except FileNotFoundError as error:
        raise RegistryChangedError(
            f"{registry_path(home)} is not signed: {error.filename} not found; run `ginja features apply`"
        ) from None
    except SignatureError as error:
        raise RegistryChangedError(
            f"{registry_path(home)} or its feature_store.yaml is not accepted: {error}; find out what changed it, then "
            "run `ginja features apply`"
        ) from None


def _signed(digest: str, configuration: bytes) -> bytes:
    """What the signature of a registry covers."""
    return f"{digest}\n{hashlib.sha256(configuration).hexdigest()}\n".encode()


def _configuration(home: Path, redis_url: str) -> dict[str, dict[str, object]]:
    template = yaml.safe_load(_template())

    def filled(value: object) -> object:
        if isinstance(value, dict):
            return {key: filled(item) for key, item in value.items()}
        if isinstance(value, str):
            return value.replace("{home}", str(home)).replace("{redis_url}", redis_url)
        return value

    configuration: dict[str, dict[str, object]] = filled(template)  # type: ignore[assignment]
    return configuration


def _replace(path: Path, text: str) -> None:
    """Replace a file, readable by its owner only: the store's URL may hold a password."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    draft.touch(0o600)
    draft.write_text(text)
    draft.replace(path)
