"""HashiCorp Vault at the wire: the paths of its API that wrap keys, with the cryptography of its transit engine."""

import base64
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

TOKEN = "hvs.0123456789"


class Refused(Exception):
    """An error of Vault."""

    def __init__(self, status: int, *errors: str) -> None:
        self.status, self.errors = status, errors


@dataclass
class FakeVault:
    """What the server holds, and how it behaves."""

    url: str = ""
    token: str = TOKEN
    derived: bool = True
    versions: list[bytes] = field(default_factory=lambda: [os.urandom(32)])
    ttl: int = 0
    creation_ttl: int = 0
    failures: list[int] = field(default_factory=list)
    """Statuses of the next responses."""
    requests: list[str] = field(default_factory=list)

    def seal(self, plaintext: bytes, context: str) -> str:
        nonce = os.urandom(12)
        sealed = nonce + self._cipher(len(self.versions), context).encrypt(nonce, plaintext, None)
        return f"vault:v{len(self.versions)}:{base64.b64encode(sealed).decode()}"

    def open(self, ciphertext: str, context: str) -> bytes:
        try:
            _, version, text = ciphertext.split(":", 2)
            raw = base64.b64decode(text, validate=True)
            return self._cipher(int(version[1:]), context).decrypt(raw[:12], raw[12:], None)
        except (InvalidTag, ValueError, IndexError):
            raise Refused(400, "cipher: message authentication failed") from None

    def _cipher(self, version: int, context: str) -> AESGCM:
        if not context:
            raise Refused(400, "missing 'context' for key derivation; the key was created using a derived key")
        info = base64.b64decode(context)
        return AESGCM(HKDF(SHA256(), 32, salt=None, info=info).derive(self.versions[version - 1]))

    def answer(self, method: str, path: str, token: str | None, body: Any) -> Any:
        self.requests.append(f"{method} {path}")
        if self.failures:
            raise Refused(self.failures.pop(0), "internal error")
        if token != self.token:
            raise Refused(403, "permission denied")
        match method, path.removeprefix("/v1/"):
            case "GET", "auth/token/lookup-self":
                return {"renewable": True, "ttl": self.ttl, "creation_ttl": self.creation_ttl, "policies": ["ginja"]}
            case "POST", "auth/token/renew-self":
                self.ttl = self.creation_ttl
                return None
            case "GET", "transit/keys/ginja":
                return {"name": "ginja", "derived": self.derived, "latest_version": len(self.versions)}
            case "POST", "transit/keys/ginja/rotate":
                self.versions.append(os.urandom(32))
                return None
            case "POST", "transit/encrypt/ginja":
                return {"ciphertext": self.seal(base64.b64decode(body["plaintext"]), body["context"])}
            case "POST", "transit/decrypt/ginja":
                plaintext = self.open(body["ciphertext"], body["context"])
                return {"plaintext": base64.b64encode(plaintext).decode()}
            case "POST", "transit/rewrap/ginja":
                return {"batch_results": [self._rewrapped(one) for one in body["batch_input"]]}
        raise Refused(404)

    def _rewrapped(self, one: Any) -> dict[str, str]:
        return {"ciphertext": self.seal(self.open(one["ciphertext"], one["context"]), one["context"])}


@contextmanager
def vault_server() -> Iterator[FakeVault]:
    """A server on this machine."""
    vault = FakeVault()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 65_536  # head and body in one packet

        def _answer(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size)) if size else None
            try:
                data = vault.answer(self.command, self.path, self.headers.get("X-Vault-Token"), body)
                status, reply = (204, b"") if data is None else (200, json.dumps({"data": data}).encode())
            except Refused as error:
                status, reply = error.status, json.dumps({"errors": list(error.errors)}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        do_GET = do_POST = _answer  # noqa: N815 (names of http.server)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    vault.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield vault
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
