"""Access tokens: JWTs (RFC 9068) that are verified in memory, and whose user is looked up at most every few seconds.

joserfc verifies signatures; its `decode` checks no claim. Everything else is checked here: the header is exactly the
one that is written, so that neither another algorithm nor a key of the token's own choice (`jku`, `jwk`, `x5u`) is ever
considered, and every claim is required.
"""

import json
import time
from datetime import UTC, datetime
from typing import Final

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from api.database import AUTHENTICATION, Database, acting_for
from api.errors import Unauthorized
from api.identity import Caller
from api.tokens import repository
from api.tokens.records import ACCESS_LIFE, SignedInCaller, TokenFamily
from api.tokens.signing_keys import ALGORITHM, SigningKeys
from core import clock
from core.ids import new_id

ISSUER: Final = "ginja"
TYPE: Final = "at+jwt"
CACHE_S: Final = 5.0
"""How long a sign-in is not looked up again: a user who is disabled is out this much later at most."""
_CACHED: Final = 1_024
_LONGEST: Final = 2_048
_INVALID: Final = "the access token is invalid or expired; get a new one with POST /v1/auth/refresh"
_CLAIMS: Final = frozenset({"iss", "aud", "sub", "sid", "jti", "iat", "nbf", "exp", "auth_time", "amr", "role"})
_HEADER: Final = frozenset({"alg", "typ", "kid"})


def is_access_token(secret: str) -> bool:
    """Whether a bearer token is a JWT rather than an API key, which has no dots."""
    return secret.count(".") == 2


class AccessTokens:
    """Issues and verifies the access tokens of one tenant."""

    def __init__(self, database: Database, keys: SigningKeys, tenant: str) -> None:
        self._database = database
        self._keys = keys
        self._tenant = tenant
        self._cached: dict[str, tuple[float, SignedInCaller | None]] = {}

    async def issue(self, family: TokenFamily, role: str) -> str:
        """A token of a sign-in. `role` is for the client to read; what the user may do is looked up."""
        kid, key = await self._keys.signing()
        at = int(clock.now().timestamp())
        claims = {
            "iss": ISSUER,
            "aud": self._tenant,
            "sub": family.user_id,
            "sid": family.family_id,
            "jti": new_id("jti"),
            "iat": at,
            "nbf": at,
            "exp": at + int(ACCESS_LIFE.total_seconds()),
            "auth_time": int(family.proved_at.timestamp()),
            "amr": [*family.methods],
            "role": role,
        }
        return jwt.encode({"alg": ALGORITHM, "typ": TYPE, "kid": kid}, claims, key, algorithms=[ALGORITHM])

    async def signed_in(self, token: str) -> SignedInCaller:
        """The user of a token, as it is now; raises `Unauthorized`."""
        family_id, user_id = await self._verified(token)
        valid_until, found = self._cached.get(family_id, (0.0, None))
        if valid_until <= time.monotonic():
            with acting_for(AUTHENTICATION):
                async with self._database.looking() as connection:
                    (found,) = await connection.fetch(repository.signed_in(family_id, clock.now()))
            if len(self._cached) >= _CACHED:
                self._cached.clear()
            self._cached[family_id] = (time.monotonic() + CACHE_S, found)
        if found is None or found.caller.actor_id != user_id:
            raise Unauthorized("the session has ended; sign in again with POST /v1/auth/token")
        return found

    async def caller_of(self, token: str) -> Caller:
        """The user of a token as the one who acts; raises `Unauthorized`."""
        return (await self.signed_in(token)).caller

    def forget(self, user_id: str) -> None:
        """Look the sign-ins of a user up again, because it has changed; other processes do within `CACHE_S`."""
        self._cached = {
            family: (until, one)
            for family, (until, one) in self._cached.items()
            if one is None or one.caller.actor_id != user_id
        }

    def forget_later(self, user_id: str) -> None:
        """As `forget`, once the change of the request is committed."""
        self._database.after_commit(lambda: self.forget(user_id))

    async def _verified(self, token: str) -> tuple[str, str]:
        """Sign-in and user that a token names; raises `Unauthorized` unless every part is as `issue` writes it."""
        try:
            if len(token) > _LONGEST:
                raise ValueError("too long")
            signed = jws.extract_compact(token.encode("ascii"))
            header = signed.headers()
            if frozenset(header) != _HEADER or (header["alg"], header["typ"]) != (ALGORITHM, TYPE):
                raise ValueError("another header")
            kid = header["kid"]
            key = await self._keys.verifying(kid) if isinstance(kid, str) else None
            if key is None or not _is_signed(token, key):
                raise ValueError("not signed by a key of ours")
            claims = json.loads(signed.payload)
            if not isinstance(claims, dict) or frozenset(claims) != _CLAIMS:
                raise ValueError("other claims")
            if claims["iss"] != ISSUER or claims["aud"] != self._tenant:
                raise ValueError("of another issuer or for another tenant")
            now = clock.now()
            if not _instant(claims["nbf"]) <= now < _instant(claims["exp"]):
                raise ValueError("not valid now")
            return str(claims["sid"]), str(claims["sub"])
        except (JoseError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
            raise Unauthorized(_INVALID) from None


def _is_signed(token: str, key: ECKey) -> bool:
    try:
        jws.deserialize_compact(token, key, algorithms=[ALGORITHM])
    except JoseError:
        return False
    return True


def _instant(value: object) -> datetime:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("must be whole seconds")
    return datetime.fromtimestamp(value, UTC)
