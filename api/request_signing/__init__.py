"""Signed requests (RFC 9421): the public keys of actors, what a signature must cover, and that it is used once."""

from api.request_signing.components import (
    ALGORITHMS,
    LABEL,
    MAX_AGE,
    MAX_NONCE,
    MAX_SKEW,
    MIN_NONCE,
    SIGNATURE_HEADERS,
    TAG,
    SignableRequest,
    required_components,
)
from api.request_signing.public_keys import PublicKeyText, WrongPublicKey, read_public_key
from api.request_signing.records import MAX_SIGNING_KEY_LIFE, SIGNING_KEY_LIFE, RequestSigningKey
from api.request_signing.repository import copy_keys
from api.request_signing.service import RequestSigningKeys, SigningKeyRequest
from api.request_signing.signing import RequestSigner, WrongPrivateKey
from api.request_signing.verification import StatedSignature, read_signature, verify_signature

__all__ = [
    "ALGORITHMS",
    "LABEL",
    "MAX_AGE",
    "MAX_NONCE",
    "MAX_SIGNING_KEY_LIFE",
    "MAX_SKEW",
    "MIN_NONCE",
    "SIGNATURE_HEADERS",
    "SIGNING_KEY_LIFE",
    "TAG",
    "PublicKeyText",
    "RequestSigner",
    "RequestSigningKey",
    "RequestSigningKeys",
    "SignableRequest",
    "SigningKeyRequest",
    "StatedSignature",
    "WrongPrivateKey",
    "WrongPublicKey",
    "copy_keys",
    "read_public_key",
    "read_signature",
    "required_components",
    "verify_signature",
]
