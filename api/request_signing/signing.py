"""Signing requests, for the command line and for programs of this repository."""

import base64
import hashlib
import secrets
from collections.abc import Mapping

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from http_message_signatures import HTTPMessageSigner, MappingKeyResolver

from api.request_signing.components import (
    ALGORITHMS,
    LABEL,
    SIGNATURE_HEADERS,
    TAG,
    SignableRequest,
    required_components,
)
from api.request_signing.public_keys import PublicKeyText, WrongPublicKey, described
from core import clock

_NONCE_BYTES = 18


class WrongPrivateKey(ValueError):
    """The text is no private key that requests can be signed with; the message says what is expected."""


class RequestSigner:
    """Signs requests with a private key."""

    def __init__(self, pem: str) -> None:
        """`pem`: an Ed25519 or NIST P-256 private key, without a password; raises `WrongPrivateKey`."""
        try:
            key = load_pem_private_key(pem.encode("ascii"), password=None)
            if not isinstance(key, Ed25519PrivateKey | EllipticCurvePrivateKey):
                raise WrongPublicKey("another kind of key")
            self.public: PublicKeyText = described(key.public_key())
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise WrongPrivateKey(
                "must be an Ed25519 or NIST P-256 private key in PEM, without a password; `ginja keys signing-key "
                "create` makes one"
            ) from None
        self._key = key

    @property
    def public_pem(self) -> str:
        """The public key as `POST /v1/signing-keys` takes it."""
        return self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def sign(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> dict[str, str]:
        """The headers to add to a request: `Content-Digest`, `Signature-Input`, `Signature`.

        `url` is absolute and percent-encoded; `headers` are those that are sent.
        """
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        sent = {name.lower(): value for name, value in headers.items()} | {"content-digest": f"sha-256=:{digest}:"}
        request = SignableRequest(method, url, sent, body)
        keys = MappingKeyResolver(public_keys={}, private_keys={self.public.key_id: self._key})
        HTTPMessageSigner(signature_algorithm=ALGORITHMS[self.public.algorithm], key_resolver=keys).sign(
            request,
            key_id=self.public.key_id,
            created=clock.now(),
            nonce=secrets.token_urlsafe(_NONCE_BYTES),
            label=LABEL,
            tag=TAG,
            covered_component_ids=required_components(sent),
            use_existing_digest=True,
        )
        signed = {name.lower(): value for name, value in request.headers.items()}
        return {name.title(): signed[name] for name in SIGNATURE_HEADERS}
