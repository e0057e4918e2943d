"""Master keys in HashiCorp Vault: the transit engine wraps data keys, and no master key leaves it.

The key is made with `derived=true`: Vault derives a key of its own from each context (HKDF), so that a wrapped key is
unwrapped with its context only, also when it is rewrapped inside Vault. `associated_data` would bind it as well, but
Vault does not take it for `rewrap`. API: https://developer.hashicorp.com/vault/api-docs/secret/transit.
"""

import base64
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core import clock
from core.errors import DecryptionError, KeyProviderUnavailableError, SettingsError
from core.field_encryption.providers import BoundKey, WrappedKey
from core.logging import get_logger
from core.private_files import read_private
from core.settings import Settings

if TYPE_CHECKING:
    import httpx

ATTEMPTS: Final = 3
"""Of a request that found no answer or 5xx."""
TIMEOUT_S: Final = 2.0
"""For connecting, and for each read."""
PAUSE_S: Final = 0.1
"""Before the second attempt; twice as long before the third."""
MAX_BATCH: Final = 250
"""Data keys of one `rewrap`."""
LOOK_EVERY: Final = timedelta(minutes=1)
"""How often it is looked up, at most, how long the token is valid."""
_INVALID, _REFUSED, _MISSING, _TOO_MANY, _FAULT = 400, 403, 404, 429, 500
_MAX_REASON: Final = 200

log = get_logger("key provider")


class _Reply(BaseModel):
    model_config = ConfigDict(extra="ignore", cache_strings="keys")


_Kind = TypeVar("_Kind", bound=_Reply)


class _Envelope(_Reply, Generic[_Kind]):
    data: _Kind


class _Errors(_Reply):
    errors: list[str]


class _Ciphertext(_Reply):
    ciphertext: str = Field(pattern=r"^vault:v[0-9]+:")

    def wrapped(self) -> WrappedKey:
        return WrappedKey(self.ciphertext.encode(), self.ciphertext.split(":", 2)[1])


class _Plaintext(_Reply):
    plaintext: str


class _Batch(_Reply):
    batch_results: list[_Ciphertext]


class _Key(_Reply):
    derived: bool


class _Token(_Reply):
    renewable: bool = False
    ttl: int
    """Seconds; 0: no end."""
    creation_ttl: int = 0


class VaultKeyProvider:
    """Asks Vault over HTTP. Threads may share it."""

    name = "vault"

    def __init__(
        self,
        client: "httpx.Client",
        token: Callable[[], str],
        *,
        key: str,
        mount: str,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client, self._token, self._pause = client, token, pause
        self._key, self._mount = key, mount.strip("/")
        self._checked = False
        self._look_at = clock.now()

    @classmethod
    def of(cls, settings: Settings) -> "VaultKeyProvider":
        """The provider of the settings; raises `SettingsError` where they do not say where Vault is."""
        import httpx

        url, file = settings.vault_url, settings.vault_token_file
        if url is None or file is None:
            raise SettingsError("GINJA_VAULT_URL and GINJA_VAULT_TOKEN_FILE must be set: Vault has wrapped data keys")

        def token() -> str:
            try:
                return read_private(file)
            except OSError as error:
                raise KeyProviderUnavailableError(
                    f"the token of Vault in {file} cannot be read ({error.strerror}); see GINJA_VAULT_TOKEN_FILE"
                ) from None

        headers = {"X-Vault-Request": "true"}
        if settings.vault_namespace is not None:
            headers["X-Vault-Namespace"] = settings.vault_namespace
        try:
            trusted = ssl.create_default_context()
            if settings.vault_ca_file is not None:
                trusted.load_verify_locations(settings.vault_ca_file)
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(f"GINJA_VAULT_CA_FILE cannot be used: {error}") from None
        client = httpx.Client(
            base_url=f"{url.rstrip('/')}/v1/", headers=headers, timeout=TIMEOUT_S, verify=trusted, trust_env=False
        )
        return cls(client, token, key=settings.vault_transit_key, mount=settings.vault_transit_mount)

    def wrap(self, key: bytes, context: str) -> WrappedKey:
        """See `KeyProvider`."""
        self._check()
        body = {"plaintext": base64.b64encode(key).decode(), "context": _base64(context)}
        return self._parsed(self._ask("POST", self._at("encrypt"), body), _Ciphertext).wrapped()

    def unwrap(self, wrapped: bytes, context: str) -> bytes:
        """See `KeyProvider`."""
        body = {"ciphertext": _text(wrapped), "context": _base64(context)}
        reply = self._parsed(self._ask("POST", self._at("decrypt"), body), _Plaintext)
        self._renew()
        return base64.b64decode(reply.plaintext)

    def rewrap(self, keys: Sequence[BoundKey]) -> list[WrappedKey]:
        """See `KeyProvider`: inside Vault, `MAX_BATCH` in a request."""
        self._check()
        done: list[WrappedKey] = []
        for start in range(0, len(keys), MAX_BATCH):
            items = [
                {"ciphertext": _text(one.wrapped), "context": _base64(one.context)}
                for one in keys[start : start + MAX_BATCH]
            ]
            replies = self._parsed(self._ask("POST", self._at("rewrap"), {"batch_input": items}), _Batch).batch_results
            if len(replies) != len(items):
                raise KeyProviderUnavailableError("Vault answered another number of keys than it was sent; retry")
            done += [one.wrapped() for one in replies]
        return done

    def rotate(self) -> bool:
        """See `KeyProvider`; the policy of the token must allow `update` of `keys/NAME/rotate`."""
        self._check()
        self._ask("POST", f"{self._mount}/keys/{self._key}/rotate", {})
        return True

    def _at(self, verb: str) -> str:
        return f"{self._mount}/{verb}/{self._key}"

    def _check(self) -> None:
        """Refuse a key that would not bind what it wraps to its context; once for each process."""
        if not self._checked:
            path = f"{self._mount}/keys/{self._key}"
            if not self._parsed(self._ask("GET", path, None), _Key).derived:
                raise SettingsError(
                    f"the transit key {self._key} of Vault must be derived; make another with `vault write -f "
                    f"{self._mount}/keys/NAME derived=true`, and name it in GINJA_VAULT_TRANSIT_KEY"
                )
            self._checked = True
        self._renew()

    def _renew(self) -> None:
        """Renew the token when less than half of its time is left. While it is valid, no failure of this matters."""
        now = clock.now()
        if now < self._look_at:
            return
        self._look_at = now + LOOK_EVERY
        try:
            token = self._parsed(self._ask("GET", "auth/token/lookup-self", None), _Token)
            if token.renewable and token.ttl * 2 < token.creation_ttl:
                self._ask("POST", "auth/token/renew-self", {})
        except (KeyProviderUnavailableError, DecryptionError) as error:
            log.warning("the token of Vault was not renewed", error=str(error))

    def _ask(self, method: str, path: str, body: Mapping[str, object] | None) -> bytes:
        """The body of a reply; retries what found no answer, and 5xx and 429."""
        import httpx

        headers = {"X-Vault-Token": self._token()}
        why = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                self._pause(PAUSE_S * 2 ** (attempt - 1))
            try:
                reply = self._client.request(method, path, json=body, headers=headers)
            except httpx.HTTPError as error:
                why = type(error).__name__
                continue
            if reply.is_success:
                return reply.content
            why = f"HTTP {reply.status_code}"
            if reply.status_code == _REFUSED:
                raise KeyProviderUnavailableError(
                    f"Vault refuses the token for {path}; it must be valid, and its policy must allow this path"
                )
            if reply.status_code == _MISSING:
                raise KeyProviderUnavailableError(
                    f"Vault has no {path}; check GINJA_VAULT_TRANSIT_KEY and GINJA_VAULT_TRANSIT_MOUNT"
                )
            if reply.status_code == _INVALID:
                raise DecryptionError(f"Vault cannot use what it was sent to {path}: {_reasons(reply.content)}")
            if reply.status_code < _FAULT and reply.status_code != _TOO_MANY:
                break
        raise KeyProviderUnavailableError(f"Vault cannot be asked ({why}); retry later")

    @staticmethod
    def _parsed(reply: bytes, kind: "type[_Kind]") -> "_Kind":
        try:
            return _Envelope[kind].model_validate_json(reply).data  # type: ignore[valid-type]
        except ValidationError:
            raise KeyProviderUnavailableError(
                "what GINJA_VAULT_URL names does not answer as Vault's transit engine does"
            ) from None


def _base64(context: str) -> str:
    return base64.b64encode(context.encode()).decode()


def _text(wrapped: bytes) -> str:
    """A wrapped key as Vault made it. Raises `DecryptionError` for another."""
    if not wrapped.startswith(b"vault:"):
        raise DecryptionError("a data key was not wrapped by Vault; restore the table data_keys from a backup")
    return wrapped.decode("ascii", "replace")


def _reasons(reply: bytes) -> str:
    """What Vault says; it names no secret."""
    try:
        return "; ".join(_Errors.model_validate_json(reply).errors)[:_MAX_REASON] or "no reason given"
    except ValidationError:
        return "no reason given"
