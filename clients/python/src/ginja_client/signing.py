"""Signatures of requests that approve or administer (RFC 9421), for clients with a signing key."""

import base64
import hashlib
import secrets
import time
from collections.abc import Generator
from pathlib import Path
from typing import Final

import httpx

SIGNED: Final = "ginja_signed"
"""The extension of a request that says that it is signed."""
_HEADERS: Final = ("content-digest", "content-type", "idempotency-key", "if-match", "x-api-version", "x-purpose-of-use")
_NONCE_BYTES: Final = 18


class RequestSigning(httpx.Auth):
    """Signs each request that says so, each time that it is sent: a signature is accepted once, and for a minute."""

    requires_request_body = True

    def __init__(self, key_file: str | Path) -> None:
        """`key_file`: an Ed25519 private key in PEM, as `ginja keys signing-key create` writes it.

        Raises `OSError`, `ValueError`, and `ImportError` without `cryptography` (`ginja-client[signing]`).
        """
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

        key = load_pem_private_key(Path(key_file).read_bytes(), password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError(f"{key_file} must hold an Ed25519 private key in PEM")
        public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self._key = key
        self._key_id = base64.urlsafe_b64encode(hashlib.sha256(public).digest()).decode().rstrip("=")

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """The request with its signature, where it says that it is signed."""
        if request.extensions.get(SIGNED):
            self._sign(request)
        yield request

    def _sign(self, request: httpx.Request) -> None:
        digest = base64.b64encode(hashlib.sha256(request.content).digest()).decode()
        request.headers["Content-Digest"] = f"sha-256=:{digest}:"
        path, _, query = request.url.raw_path.decode("ascii").partition("?")
        covered = {
            "@method": request.method,
            "@authority": request.headers["host"].lower(),
            "@path": path,
            "@query": f"?{query}",
            **{name: request.headers[name].strip() for name in _HEADERS if name in request.headers},
        }
        parameters = (
            f'({" ".join(_quoted(name) for name in covered)});created={int(time.time())};keyid="{self._key_id}"'
            f';alg="ed25519";nonce="{secrets.token_urlsafe(_NONCE_BYTES)}";tag="ginja"'
        )
        lines = [f"{_quoted(name)}: {value}" for name, value in covered.items()]
        base = "\n".join([*lines, f'"@signature-params": {parameters}'])
        signature = base64.b64encode(self._key.sign(base.encode("ascii"))).decode()
        request.headers["Signature-Input"] = f"sig1={parameters}"
        request.headers["Signature"] = f"sig1=:{signature}:"


def _quoted(name: str) -> str:
    return f'"{name}"'
