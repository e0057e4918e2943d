"""The identity provider over HTTP: its metadata, its keys and its token endpoint.

Every request has one deadline, follows no redirect and reads a bounded body. The provider's addresses are those of its
metadata (OpenID Connect Discovery 1.0), whose issuer must be the configured one, and all are HTTPS; a provider on this
machine may have HTTP.
"""

import asyncio
import ssl
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.oidc.errors import ProviderRefused, ProviderUnavailable
from core import clock
from core.setting_types import is_this_machine
from core.settings import Settings, secret_text

DEADLINE_S: Final = 10.0
"""Of one request to the provider."""
MOST_BYTES: Final = 262_144
"""Of one response."""
METADATA_KEPT: Final = timedelta(hours=1)
KEYS_KEPT: Final = timedelta(hours=1)
KEYS_ASKED_AGAIN: Final = timedelta(minutes=1)
"""Keys are fetched again for an unknown id at most this often."""
CALLBACK: Final = "/console/oidc/callback"


@dataclass(frozen=True, slots=True)
class OidcClient:
    """This installation as a client of the provider."""

    issuer: str
    client_id: str
    client_secret: str | None
    """`None`: a public client, which PKCE alone protects."""
    redirect_uri: str
    max_age: timedelta
    second_factors: frozenset[str]
    acr_values: str | None
    ca_file: Path | None

    @classmethod
    def of(cls, settings: Settings) -> "OidcClient | None":
        """The client of the settings; `None`: nobody signs in by a provider."""
        if settings.oidc_issuer is None or settings.oidc_client_id is None or settings.console_url is None:
            return None
        return cls(
            issuer=settings.oidc_issuer,
            client_id=settings.oidc_client_id,
            client_secret=secret_text(settings.oidc_client_secret),
            redirect_uri=settings.console_url.rstrip("/") + CALLBACK,
            max_age=timedelta(seconds=settings.oidc_max_age_s),
            second_factors=frozenset(settings.oidc_second_factor.split()),
            acr_values=settings.oidc_acr_values,
            ca_file=settings.oidc_ca_file,
        )


class ProviderMetadata(BaseModel):
    """What the provider says of itself, as far as it is used."""

    model_config = ConfigDict(extra="ignore", frozen=True, cache_strings="keys")

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: list[str] = Field(default_factory=lambda: ["client_secret_basic"])
    authorization_response_iss_parameter_supported: bool = False


class _TokenAnswer(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, cache_strings="keys")

    id_token: str


class IdentityProvider:
    """One provider; metadata and keys are kept for a while."""

    def __init__(self, client: OidcClient) -> None:
        self._client = client
        tls = ssl.create_default_context()
        if client.ca_file is not None:
            tls.load_verify_locations(client.ca_file)
        # No proxy and no password of the environment: what is sent has the client's secret.
        self._http = httpx.AsyncClient(verify=tls, timeout=DEADLINE_S, follow_redirects=False, trust_env=False)
        self._metadata: tuple[datetime, ProviderMetadata] | None = None
        self._keys: tuple[datetime, KeySet] | None = None

    async def metadata(self) -> ProviderMetadata:
        """What the provider says of itself; raises `ProviderUnavailable`."""
        if self._metadata is not None and clock.now() < self._metadata[0] + METADATA_KEPT:
            return self._metadata[1]
        address = self._client.issuer.rstrip("/") + "/.well-known/openid-configuration"
        try:
            found = ProviderMetadata.model_validate_json(await self._fetch("GET", address))
        except ValidationError:
            raise ProviderUnavailable("the metadata of the identity provider is invalid") from None
        if found.issuer != self._client.issuer:
            raise ProviderUnavailable("the metadata of the identity provider names another issuer")
        for one in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri):
            if not _is_protected(one, self._client.issuer):
                raise ProviderUnavailable(
                    "the metadata of the identity provider has an address that is not valid HTTPS"
                )
        self._metadata = (clock.now(), found)
        return found

    async def keys(self, kid: str | None) -> KeySet:
        """The provider's public keys, fetched again where `kid` is not among them; raises `ProviderUnavailable`."""
        now = clock.now()
        if self._keys is not None:
            fetched, kept = self._keys
            is_known = kid is None or any(one.kid == kid for one in kept.keys)
            if now < fetched + (KEYS_KEPT if is_known else KEYS_ASKED_AGAIN):
                return kept
        body = await self._fetch("GET", (await self.metadata()).jwks_uri)
        try:
            document = httpx.Response(200, content=body).json()
            found = KeySet.import_key_set(
                {"keys": [one for one in document["keys"] if one.get("kty") in ("RSA", "EC")]}
            )
        except (JoseError, ValueError, KeyError, TypeError, AttributeError):
            raise ProviderUnavailable("the keys of the identity provider are invalid") from None
        self._keys = (now, found)
        return found

    async def id_token(self, code: str, verifier: str) -> str:
        """The ID token for a code; every other token of the answer is dropped.

        Raises `ProviderRefused`, `ProviderUnavailable`.
        """
        metadata = await self.metadata()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._client.redirect_uri,
            "code_verifier": verifier,
        }
        headers: dict[str, str] = {}
        secret = self._client.client_secret
        if secret is None:
            form["client_id"] = self._client.client_id
        elif "client_secret_basic" in metadata.token_endpoint_auth_methods_supported:
            pair = f"{quote(self._client.client_id, safe='')}:{quote(secret, safe='')}"
            headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        else:
            form |= {"client_id": self._client.client_id, "client_secret": secret}
        body = await self._fetch("POST", metadata.token_endpoint, form, headers)
        try:
            return _TokenAnswer.model_validate_json(body).id_token
        except ValidationError:
            raise ProviderRefused("the identity provider's answer has no ID token; begin again") from None

    async def _fetch(
        self,
        method: str,
        address: str,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """The body of a response of status 200; raises `ProviderRefused` for 400 and 401, `ProviderUnavailable`."""
        body = b""
        try:
            async with asyncio.timeout(DEADLINE_S):
                async with self._http.stream(
                    method, address, data=form, headers={"Accept": "application/json", **(headers or {})}
                ) as response:
                    async for part in response.aiter_bytes():
                        body += part
                        if len(body) > MOST_BYTES:
                            raise ProviderUnavailable("the identity provider's answer is too large")
        except (httpx.InvalidURL, UnicodeError):  # UnicodeError: a host name that cannot be looked up
            raise ProviderUnavailable("the metadata of the identity provider has an invalid address") from None
        except (httpx.HTTPError, TimeoutError, OSError):
            raise ProviderUnavailable("the identity provider cannot be reached; try again") from None
        if form is not None and response.status_code in (400, 401):
            raise ProviderRefused("the identity provider did not accept the sign-in; begin again")
        if response.status_code != httpx.codes.OK:
            raise ProviderUnavailable(f"the identity provider answered with status {response.status_code}")
        return body

    async def close(self) -> None:
        """Close its connections."""
        await self._http.aclose()


def _is_protected(address: str, issuer: str) -> bool:
    """Whether an address is HTTPS, or on this machine as the issuer is."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    if parts.scheme == "https":
        return bool(parts.hostname)
    return parts.scheme == "http" and is_this_machine(parts.hostname) and is_this_machine(urlsplit(issuer).hostname)
