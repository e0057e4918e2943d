"""Signed requests of tests: a key of the tests' own, registered for each API key that needs it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx
import psycopg

from api.identity.secrets import PREFIX, secret_hash
from api.request_signing import SIGNATURE_HEADERS, RequestSigner
from api.signed_requests import may_be_confirmed
from core import clock
from core.ids import new_id
from core.signing import new_key

if TYPE_CHECKING:
    from tests.api.makers import Api

SIGNER = RequestSigner(new_key())
"""Of every API key of the tests that is given no other."""
_REGISTER = """
    INSERT INTO request_signing_keys
        (signing_key_id, actor_id, key_id, name, algorithm, public_key, created_at, expires_at)
    SELECT %s, api_key_id, %s, 'tests', %s, %s, %s, %s FROM api_keys
    WHERE secret_hash = %s
    ON CONFLICT DO NOTHING
"""


def register(database_url: str, secret: str, signer: RequestSigner = SIGNER) -> None:
    """Register the public key of a signer for an API key; an unknown API key is left alone."""
    public = signer.public
    values = [new_id("sgk"), public.key_id, public.algorithm, public.der, clock.now(), datetime(9999, 1, 1, tzinfo=UTC)]
    with psycopg.connect(database_url) as connection:
        connection.execute(_REGISTER, [*values, secret_hash(secret)])


def new_signing_key(api: "Api", role: str = "claims_system") -> dict[str, str]:
    """The body that registers a new public key for the API key of a role."""
    ((actor_id,),) = api.rows("SELECT api_key_id FROM api_keys WHERE secret_hash = %s", secret_hash(api.keys[role]))
    return {"actor_id": actor_id, "name": "new", "public_key": RequestSigner(new_key()).public_pem}


def signed(request: httpx.Request, signer: RequestSigner = SIGNER) -> dict[str, str]:
    """The headers of the signature of a request."""
    return signer.sign(request.method, str(request.url), dict(request.headers), request.content)


@dataclass
class SigningClient:
    """Signs what a client sends with an API key to routes that need it; what has a signature already is left alone."""

    database_url: str
    registered: set[str] = field(default_factory=set)

    async def sign(self, request: httpx.Request) -> None:
        """An event hook of httpx."""
        secret = request.headers.get("authorization", "").removeprefix("Bearer ") or request.headers.get(
            "x-api-key", ""
        )
        path = request.url.raw_path.decode().partition("?")[0]
        if not secret.startswith(PREFIX) or any(name in request.headers for name in SIGNATURE_HEADERS):
            return
        if not may_be_confirmed(request.method, path):
            return
        await request.aread()
        if secret not in self.registered:
            register(self.database_url, secret)
            self.registered.add(secret)
        request.headers.update(signed(request))
