"""Ed25519 signatures of models, the feature registry, anchors of the audit log, archives, examiner's files, and
evidence packs.

A hash says that a file is complete; a signature says who made it. The private key is a PEM file (`signing.key` in the
home, made at first use, or the one that `GINJA_SIGNING_KEY_FILE` names). A process that only verifies needs the public
keys alone: `GINJA_SIGNING_PUBLIC_KEYS`.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import InvalidSignatureError, SigningKeyError, UntrustedSignatureError
from core.private_files import make_private, read_private
from core.settings import Settings

KEY_FILE: Final = "signing.key"
"""In the home, where `GINJA_SIGNING_KEY_FILE` names no other."""
SIGNATURE_LIMIT: Final = 1024
"""Largest signature file, in bytes."""

Purpose = Literal["model", "feature registry", "audit anchor", "archive", "audit archive", "dossier", "evidence pack"]
"""What is signed; part of what the signature covers, so that one of a model is none of a registry."""


class Signature(BaseModel):
    """A signature, as it is stored beside what it signs."""

    model_config = ConfigDict(frozen=True, extra="forbid", cache_strings="keys")

    algorithm: Literal["Ed25519"] = "Ed25519"
    key: str = Field(pattern="^[0-9a-f]{16}$", description="Id of the public key: the start of its SHA-256, in hex.")
    # The last digit has two bits of the bytes and four that are zero: another one would be a second spelling.
    signature: str = Field(pattern="^[A-Za-z0-9+/]{85}[AQgw]==$", description="64 bytes in base64.")

    @classmethod
    def parse(cls, raw: bytes) -> "Signature":
        """The signature in a file. Raises `InvalidSignatureError`."""
        try:
            if len(raw) <= SIGNATURE_LIMIT:
                return cls.model_validate_json(raw)
        except ValidationError:
            pass
        raise InvalidSignatureError("it is not a signature")

    def to_bytes(self) -> bytes:
        """The content of the file."""
        return self.model_dump_json().encode() + b"\n"


@dataclass(frozen=True, slots=True)
class TrustedKeys:
    """The public keys, by id, whose signatures are accepted."""

    keys: Mapping[str, Ed25519PublicKey]

    def verify(self, purpose: Purpose, content: bytes, signature: Signature) -> None:
        """Raises `UntrustedSignatureError` for a key that is not trusted, `InvalidSignatureError` for other content."""
        key = self.keys.get(signature.key)
        if key is None:
            trusted = ", ".join(self.keys) or "none"
            raise UntrustedSignatureError(f"it is signed with the key {signature.key}; trusted keys: {trusted}")
        try:
            key.verify(base64.b64decode(signature.signature), _signed(purpose, content))
        except InvalidSignature:
            raise InvalidSignatureError("it was changed after it was signed") from None


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key."""

    key: Ed25519PrivateKey

    @property
    def public(self) -> str:
        """The public key as `GINJA_SIGNING_PUBLIC_KEYS` takes it: 32 bytes in base64."""
        return base64.b64encode(self.key.public_key().public_bytes_raw()).decode()

    def sign(self, purpose: Purpose, content: bytes) -> Signature:
        """Sign what a purpose names."""
        made = base64.b64encode(self.key.sign(_signed(purpose, content))).decode()
        return Signature(key=_id(self.key.public_key()), signature=made)


def signing_key(settings: Settings) -> SigningKey:
    """The key that this installation signs with; made in the home where no setting names one.

    Raises `SigningKeyError` where it cannot be read or made, or where its signatures would not be accepted here.
    """
    path = _path(settings)
    if settings.signing_key_file is None:
        try:
            make_private(path, new_key)
        except OSError as error:
            raise SigningKeyError(f"{path} cannot be made: {error.strerror}") from None
    key = _read_key(path)
    if key is None:
        raise SigningKeyError(f"{path} not found; make it with `openssl genpkey -algorithm ed25519 -out {path}`")
    if _id(key.key.public_key()) not in trusted_keys(settings).keys:
        raise SigningKeyError(
            f"the key in {path} is none of GINJA_SIGNING_PUBLIC_KEYS, so what it signs would be refused here; add its "
            "public key, or set GINJA_SIGNING_KEY_FILE to the key that belongs to one of them"
        )
    return key


def trusted_keys(settings: Settings) -> TrustedKeys:
    """The keys that are accepted: those of the settings, else the own one; none where there is none.

    Raises `SigningKeyError` where the own key cannot be read.
    """
    if settings.signing_public_keys is not None:
        stated = [base64.b64decode(one.strip()) for one in settings.signing_public_keys.split(",")]
        public = [Ed25519PublicKey.from_public_bytes(raw) for raw in stated]
    else:
        own = _read_key(_path(settings))
        public = [] if own is None else [own.key.public_key()]
    return TrustedKeys({_id(key): key for key in public})


def own_public_key(settings: Settings) -> str | None:
    """The public key of the signing key, in base64; None: there is none. Raises `SigningKeyError`."""
    own = _read_key(_path(settings))
    return None if own is None else own.public


def _path(settings: Settings) -> Path:
    return settings.signing_key_file or settings.home.absolute() / KEY_FILE


def _read_key(path: Path) -> SigningKey | None:
    """The key in a file; None: there is no such file."""
    try:
        text = read_private(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SigningKeyError(f"{path} cannot be read: {error.strerror}") from None
    try:
        key = load_pem_private_key(text.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm, binascii.Error):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise SigningKeyError(f"{path} must hold an Ed25519 private key in PEM, without a password")
    return SigningKey(key)


def new_key() -> str:
    """A new private key, in PEM."""
    made = Ed25519PrivateKey.generate()
    return made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _id(key: Ed25519PublicKey) -> str:
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


def _signed(purpose: Purpose, content: bytes) -> bytes:
    return f"ginja {purpose} v1\n".encode() + content
