"""Verifying an ID token (OpenID Connect Core 1.0, section 3.1.3.7).

joserfc verifies the signature and checks no claim; everything else is checked here. Algorithms are those of public
keys: neither `none` nor one of a shared secret, and each with the type of key that belongs to it.
"""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.oidc.errors import ProviderRefused

ALGORITHMS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), "RSA"),
    **dict.fromkeys(("ES256", "ES384", "ES512"), "EC"),
}
"""Accepted algorithms, each with its type of key."""
LEAST_RSA_BITS: Final = 2_048
LEEWAY: Final = timedelta(seconds=60)
"""How far the provider's clock may be off."""
OLDEST: Final = timedelta(minutes=10)
"""How long ago a token may have been issued: it was asked for just now."""
_LONGEST: Final = 16_384
_INVALID: Final = "the identity provider's answer is not valid; begin again"


@dataclass(frozen=True, slots=True)
class ExpectedToken:
    """What an ID token must say."""

    issuer: str
    client_id: str
    nonce: str
    max_age: timedelta
    """How long ago the person may have proved to be it at the provider."""
    second_factors: frozenset[str]
    """Values of `amr` or `acr` that say that a second factor was proved."""


@dataclass(frozen=True, slots=True)
class ProvedIdentity:
    """Who a person is, as the provider states it."""

    subject: str
    proved_at: datetime
    has_second_factor: bool


class _Claims(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, cache_strings="keys")

    iss: str
    sub: str = Field(min_length=1, max_length=255)
    aud: str | list[str]
    exp: int = Field(ge=0, le=253_402_300_799)
    iat: int = Field(ge=0, le=253_402_300_799)
    auth_time: int = Field(ge=0, le=253_402_300_799)
    nonce: str
    azp: str | None = None
    acr: str | None = None
    amr: list[str] = Field(default_factory=list)


def key_id(token: str) -> str | None:
    """The key that a token names, before anything of it is verified; raises `ProviderRefused`."""
    _, kid = _header(token)
    return kid


def verified_identity(token: str, keys: KeySet, expected: ExpectedToken, at: datetime) -> ProvedIdentity:
    """The person of an ID token that is valid at `at`; raises `ProviderRefused`."""
    algorithm, kid = _header(token)
    if not any(_is_signed(token, key, algorithm) for key in _usable(keys, algorithm, kid)):
        raise ProviderRefused(_INVALID)
    try:
        claims = _Claims.model_validate_json(jws.extract_compact(token.encode("ascii")).payload)
    except ValidationError:
        raise ProviderRefused(_INVALID) from None
    audience = [claims.aud] if isinstance(claims.aud, str) else claims.aud
    if claims.iss != expected.issuer or audience != [expected.client_id]:
        raise ProviderRefused(_INVALID)
    if claims.azp not in (None, expected.client_id):
        raise ProviderRefused(_INVALID)
    if not hmac.compare_digest(claims.nonce.encode(errors="replace"), expected.nonce.encode()):
        raise ProviderRefused(_INVALID)
    expires, issued, proved = (datetime.fromtimestamp(one, UTC) for one in (claims.exp, claims.iat, claims.auth_time))
    if not (at - LEEWAY < expires and at - OLDEST <= issued <= at + LEEWAY and proved <= at + LEEWAY):
        raise ProviderRefused(_INVALID)
    if proved < at - expected.max_age - LEEWAY:
        raise ProviderRefused("you signed in at the identity provider too long ago; sign in there again")
    stated = {*claims.amr, *([] if claims.acr is None else [claims.acr])}
    return ProvedIdentity(claims.sub, min(proved, at), not stated.isdisjoint(expected.second_factors))


def _header(token: str) -> tuple[str, str | None]:
    try:
        if len(token) > _LONGEST:
            raise ValueError("too long")
        header = jws.extract_compact(token.encode("ascii")).headers()
        algorithm, kid = header["alg"], header.get("kid")
        if algorithm not in ALGORITHMS or not isinstance(kid, str | None) or "crit" in header:
            raise ValueError("another header")
    except (JoseError, ValueError, TypeError, KeyError, RecursionError):
        raise ProviderRefused(_INVALID) from None
    return algorithm, kid


def _usable(keys: KeySet, algorithm: str, kid: str | None) -> Sequence[RSAKey | ECKey]:
    """The keys that may have signed: of the token's id, or of any where it names none, and strong enough."""
    found: list[RSAKey | ECKey] = []
    for key in keys.keys:
        if key.key_type != ALGORITHMS[algorithm] or (kid is not None and key.kid != kid):
            continue
        if key.get("use") not in (None, "sig") or key.get("alg") not in (None, algorithm):
            continue
        is_strong = isinstance(key, RSAKey) and key.public_key.key_size >= LEAST_RSA_BITS
        if isinstance(key, ECKey) or (isinstance(key, RSAKey) and is_strong):
            found.append(key)
    return found


def _is_signed(token: str, key: RSAKey | ECKey, algorithm: str) -> bool:
    try:
        jws.deserialize_compact(token, key, algorithms=[algorithm])
    except (JoseError, ValueError):
        return False
    return True
