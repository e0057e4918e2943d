"""Public keys of signers: how they are read, named and stored."""

import base64
import hashlib
from dataclasses import dataclass
from typing import TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
    load_pem_public_key,
)
from http_message_signatures.algorithms import ECDSA_P256_SHA256, ED25519

PublicKey: TypeAlias = Ed25519PublicKey | EllipticCurvePublicKey
_EXPECTED = "must be an Ed25519 or NIST P-256 public key in PEM, beginning with -----BEGIN PUBLIC KEY-----"


class WrongPublicKey(ValueError):
    """The text is no public key that requests can be signed for; the message says what is expected."""


@dataclass(frozen=True, slots=True)
class PublicKeyText:
    """A public key as it is stored."""

    key_id: str
    """The `keyid` of its signatures: SHA-256 of the key, so that a signer needs to know nothing but the key."""
    algorithm: str
    der: bytes
    """SubjectPublicKeyInfo (RFC 5280)."""


def read_public_key(pem: str) -> PublicKeyText:
    """The public key in a PEM; raises `WrongPublicKey`."""
    try:
        return described(load_pem_public_key(pem.encode("ascii")))
    except (ValueError, UnsupportedAlgorithm):
        raise WrongPublicKey(_EXPECTED) from None


def described(key: object) -> PublicKeyText:
    """A public key with its name and algorithm; raises `WrongPublicKey`."""
    if isinstance(key, Ed25519PublicKey):
        algorithm, public = ED25519.algorithm_id, key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    elif isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        algorithm = ECDSA_P256_SHA256.algorithm_id
        public = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    else:
        raise WrongPublicKey(_EXPECTED)
    name = base64.urlsafe_b64encode(hashlib.sha256(public).digest()).decode().rstrip("=")
    return PublicKeyText(name, algorithm, public)


def stored_key(der: bytes) -> PublicKey:
    """A stored public key."""
    key = load_der_public_key(der)
    assert isinstance(key, Ed25519PublicKey | EllipticCurvePublicKey)  # `described` stores no other
    return key
