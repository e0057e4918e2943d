"""An identity provider at the wire: a server of its own on loopback, with its own keys and its own checks."""

import base64
import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from core import clock
from tests.api.servers import on_a_port

CLIENT_ID, CLIENT_SECRET = "ginja-console", "a secret: with / signs"


@dataclass
class Provider:
    """What the provider says and does, as a test has it."""

    url: str = ""
    subject: str = "7d1c0f0e"
    amr: list[str] = field(default_factory=lambda: ["pwd", "mfa"])
    claims: dict[str, Any] = field(default_factory=dict)
    """Claims that replace those of a valid token; `None` removes one."""
    metadata: dict[str, Any] = field(default_factory=dict)
    answer: dict[str, str | None] = field(default_factory=dict)
    """Parameters that replace those of a valid answer; `None` removes one."""
    token_status: int = 200
    key: ECKey | RSAKey = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": "one", "use": "sig"}))
    published: list[ECKey | RSAKey] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)
    """Queries of authorization requests."""
    key_requests: int = 0

    @property
    def algorithm(self) -> str:
        return "ES256" if isinstance(self.key, ECKey) else "RS256"

    def id_token(self, nonce: str, changes: dict[str, Any] | None = None) -> str:
        at = int(clock.now().timestamp())
        claims = {"iss": self.url, "sub": self.subject, "aud": CLIENT_ID, "exp": at + 300, "iat": at}
        claims |= {"auth_time": at - 5, "nonce": nonce, "amr": self.amr}
        stated = {name: value for name, value in (claims | self.claims | (changes or {})).items() if value is not None}
        header = {"alg": self.algorithm, "kid": self.key.kid, "typ": "JWT"}
        return jwt.encode(header, stated, self.key, algorithms=[self.algorithm])

    async def describe(self, _request: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize?realm=staff",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
                "authorization_response_iss_parameter_supported": True,
            }
            | self.metadata
        )

    async def keys(self, _request: Request) -> Response:
        self.key_requests += 1
        published = self.published or [self.key]
        return JSONResponse({"keys": [one.as_dict(private=False) for one in published]})

    async def authorize(self, request: Request) -> Response:
        """A person who is signed in here comes back at once."""
        query = dict(request.query_params)
        self.asked.append(query)
        if (query["response_type"], query["client_id"], query["scope"]) != ("code", CLIENT_ID, "openid"):
            return Response("another client", 400)
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        answer: dict[str, str | None] = {"code": code, "state": query["state"], "iss": self.url, "session_state": "x"}
        stated = {name: value for name, value in (answer | self.answer).items() if value is not None}
        return RedirectResponse(f"{query['redirect_uri']}?{urlencode(stated)}", 302)

    async def token(self, request: Request) -> Response:
        """A code once, to the client that has its secret and the verifier of its challenge."""
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        given = base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode().split(":")
        query = self.codes.pop(form["code"], {})
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=")
        is_valid = (
            [unquote(one) for one in given] == [CLIENT_ID, CLIENT_SECRET]
            and form["grant_type"] == "authorization_code"
            and query.get("code_challenge_method") == "S256"
            and query.get("code_challenge") == challenge.decode()
            and query.get("redirect_uri") == form["redirect_uri"]
        )
        if not is_valid:
            return JSONResponse({"error": "invalid_grant"}, 400)
        document = {"access_token": "at-secret", "token_type": "Bearer", "id_token": self.id_token(query["nonce"])}
        return JSONResponse(document, self.token_status)


@contextmanager
def provider_on_a_port() -> Iterator[Provider]:
    """A provider that answers."""
    provider = Provider()
    routes = [
        Route("/.well-known/openid-configuration", provider.describe),
        Route("/keys", provider.keys),
        Route("/authorize", provider.authorize),
        Route("/token", provider.token, methods=["POST"]),
    ]
    with on_a_port(Starlette(routes=routes), lifespan="off") as url:
        provider.url = url
        yield provider
