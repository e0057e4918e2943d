"""The signature of a model: of its manifest, which lists the hashes of all its other files.

It is made when the folder is written, by the key of the home (`core.signing`), and stored beside the manifest as
`signature.json`, so that it goes with the model to MLflow and from there to other homes.
"""

import os
from pathlib import Path
from typing import Final

from core.errors import InvalidSignatureError, UntrustedSignatureError
from core.settings import settings
from core.signing import Signature, signing_key, trusted_keys
from models.errors import ArtefactCorruptError, ArtefactUnsignedError

SIGNATURE: Final = "signature.json"


def sign_manifest(manifest: bytes) -> bytes:
    """The content of the signature file of a model. Raises `SigningKeyError`."""
    return signing_key(settings()).sign("model", manifest).to_bytes()


def replace_signature(folder: Path, signature: bytes) -> None:
    """Put a signature in a model's folder, in one step."""
    staged = folder.with_name(f".{folder.name}.signature-{os.getpid()}")
    try:
        with staged.open("wb") as file:
            file.write(signature)
            file.flush()
            os.fsync(file.fileno())
        staged.replace(folder / SIGNATURE)
    finally:
        staged.unlink(missing_ok=True)


def check_signature(folder: Path, manifest: bytes, signature: bytes) -> None:
    """Raises `ArtefactUnsignedError` for a key that is not trusted, `ArtefactCorruptError` for another manifest."""
    try:
        trusted_keys(settings()).verify("model", manifest, Signature.parse(signature))
    except UntrustedSignatureError as error:
        raise ArtefactUnsignedError(
            f"{folder} is not accepted: {error}. If you trust the home that signed it, add its `ginja model "
            f"public-key` to GINJA_SIGNING_PUBLIC_KEYS, or sign the model here: {_how(folder)}"
        ) from None
    except InvalidSignatureError as error:
        raise ArtefactCorruptError(f"{folder / SIGNATURE}: {error}; restore the folder") from None


def unsigned(folder: Path) -> ArtefactUnsignedError:
    """The error for a folder without a signature."""
    return ArtefactUnsignedError(f"{folder} is not signed; if you know where it is from, sign it: {_how(folder)}")


def _how(folder: Path) -> str:
    return f"`ginja model sign --model {folder.name} --by NAME --reason TEXT`"
