"""One sign-in by the identity provider: from this browser, there, and back to this browser.

What has to match afterwards is in a cookie of the browser that began, encrypted with a data key: `state`, `nonce`, the
verifier of PKCE and where the person was going. So an answer that was made for another browser is refused, and nothing
is stored.
"""

import binascii
import hashlib
import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Literal
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, ValidationError

from api.errors import Forbidden, Unauthorized, Unavailable
from api.field_keys import SECRETS, FieldKeys
from api.oidc import repository
from api.oidc.errors import ProviderRefused, ProviderUnavailable
from api.oidc.id_token import ExpectedToken, ProvedIdentity, key_id, verified_identity
from api.oidc.provider import IdentityProvider, OidcClient, ProviderMetadata
from api.users import SignIns, VerifiedUser
from core import clock
from core.errors import DecryptionError
from core.field_encryption import key_id_of, place

LIFE: Final = timedelta(minutes=10)
"""How long a person may take at the provider."""
_PLACE: Final = place("cookies", "oidc", "")
"""What the contents of the cookie are bound to: no value of a table can be sent as one."""
_ANOTHER: Final = "this sign-in was not begun in this browser, or too long ago; begin again"


@dataclass(frozen=True, slots=True)
class StartedSignIn:
    """A sign-in that goes on at the provider."""

    address: str
    """Where the browser goes."""
    cookie: str
    """What this browser keeps until it comes back."""


class _Kept(BaseModel):
    """The contents of the cookie."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, cache_strings="keys")

    purpose: Literal["oidc"]
    state: str
    nonce: str
    verifier: str
    following: str
    fresh: bool
    began: float
    ends: str | None = None
    """The session that the browser had, as who began names it."""


@dataclass(frozen=True, slots=True)
class FinishedSignIn:
    """A sign-in that came back from the provider."""

    verified: VerifiedUser
    following: str
    """Where the person was going."""
    ends: str | None
    """What was passed to `begin` as such."""


class OidcSignIns:
    """The service of signing in by the provider."""

    def __init__(self, keys: FieldKeys, sign_ins: SignIns, client: OidcClient) -> None:
        self._keys = keys
        self._sign_ins = sign_ins
        self._client = client
        self._provider = IdentityProvider(client)

    async def begin(self, following: str, *, fresh: bool, ends: str | None = None) -> StartedSignIn:
        """Begin a sign-in that then shows `following`; `fresh`: the person authenticates again at the provider.

        `ends` names the session that the browser has, which the sign-in replaces. Raises `Unavailable`, and what
        `FieldKeys` raises.
        """
        kept = _Kept(
            purpose="oidc",
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
            following=following,
            fresh=fresh,
            began=clock.now().timestamp(),
            ends=ends,
        )
        try:
            metadata = await self._provider.metadata()
        except (ProviderUnavailable, ProviderRefused) as error:
            raise Unavailable(str(error)) from None
        challenge = urlsafe_b64encode(hashlib.sha256(kept.verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": self._client.client_id,
            "redirect_uri": self._client.redirect_uri,
            "scope": "openid",
            "state": kept.state,
            "nonce": kept.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "max_age": "0" if fresh else str(int(self._client.max_age.total_seconds())),
        }
        if self._client.acr_values is not None:
            query["acr_values"] = self._client.acr_values
        separator = "&" if "?" in metadata.authorization_endpoint else "?"
        address = f"{metadata.authorization_endpoint}{separator}{urlencode(query)}"
        sealed = (await self._keys.current(SECRETS)).seal(kept.model_dump_json().encode(), _PLACE)
        return StartedSignIn(address, urlsafe_b64encode(sealed).decode())

    @asynccontextmanager
    async def finishing(self, cookie: str | None, answer: Mapping[str, str]) -> AsyncIterator[FinishedSignIn]:
        """A transaction in which the user is verified, and what `begin` was called with.

        `answer` are the parameters that the provider sent back. Raises `Forbidden` for an answer that does not belong
        to this browser, `Unauthorized` for one that is not valid or of nobody, `Unavailable`.
        """
        at = clock.now()
        kept = await self._kept(cookie, at)
        if kept is None or not hmac.compare_digest(
            answer.get("state", "").encode(errors="replace"), kept.state.encode()
        ):
            raise Forbidden(_ANOTHER)
        try:
            identity = await self._identity(kept, answer, at)
        except ProviderRefused as error:
            raise Unauthorized(str(error)) from None
        except ProviderUnavailable as error:
            raise Unavailable(str(error)) from None
        linked_user = partial(repository.user_of, issuer=self._client.issuer, subject=identity.subject)
        nobody = f"no user is linked with you; ask an administrator to link {identity.subject}"
        methods = ("fed", "mfa") if identity.has_second_factor else ("fed",)
        async with self._sign_ins.signing_in_by_provider(linked_user, methods, nobody) as verified:
            yield FinishedSignIn(replace(verified, proved_at=identity.proved_at), kept.following, kept.ends)

    async def close(self) -> None:
        """Close its connections."""
        await self._provider.close()

    async def _kept(self, cookie: str | None, at: datetime) -> _Kept | None:
        try:
            sealed = urlsafe_b64decode((cookie or "").encode(errors="replace"))
            sealing = key_id_of(sealed)
            if not await self._keys.has(SECRETS, sealing):
                return None
            kept = _Kept.model_validate_json((await self._keys.key(sealing)).open(sealed, _PLACE))
        except (DecryptionError, ValidationError, binascii.Error):
            return None
        return kept if 0 <= at.timestamp() - kept.began < LIFE.total_seconds() else None

    async def _identity(self, kept: _Kept, answer: Mapping[str, str], at: datetime) -> ProvedIdentity:
        metadata = await self._provider.metadata()
        _require_issuer(metadata, answer)
        if "error" in answer or not answer.get("code"):
            raise ProviderRefused("the identity provider did not sign you in; begin again")
        token = await self._provider.id_token(answer["code"], kept.verifier)
        expected = ExpectedToken(
            issuer=self._client.issuer,
            client_id=self._client.client_id,
            nonce=kept.nonce,
            max_age=at - datetime.fromtimestamp(kept.began, at.tzinfo) if kept.fresh else self._client.max_age,
            second_factors=self._client.second_factors,
        )
        return verified_identity(token, await self._provider.keys(key_id(token)), expected, clock.now())


def _require_issuer(metadata: ProviderMetadata, answer: Mapping[str, str]) -> None:
    """Check `iss` of the answer (RFC 9207): with another provider's answer, its code would be sent to this one."""
    issuer = answer.get("iss")
    if issuer is None and not metadata.authorization_response_iss_parameter_supported:
        return
    if issuer != metadata.issuer:
        raise ProviderRefused("the answer is of another identity provider; begin again")
