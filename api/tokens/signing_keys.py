"""The keys that sign access tokens: made when the first is needed, rotated by command, read again while they change."""

import time
from datetime import datetime, timedelta
from typing import Final

from joserfc.jwk import ECKey
from sqlalchemy.ext.asyncio import AsyncConnection

from api import audit
from api.database import Database, fetch
from api.field_keys import TOKEN_KEY, StoredSecrets
from api.identity import Caller
from api.tokens import repository
from api.tokens.records import ACCESS_LIFE
from api.tokens.repository import TokenKey
from core import clock
from core.ids import new_id

ALGORITHM: Final = "ES256"
_CURVE: Final = "P-256"
RELOAD_S: Final = 30.0
"""How long keys are used before they are read again: after a rotation, another process signs on so long at most."""
_UNKNOWN_RELOAD_S: Final = 5.0
"""How often, at most, a token with an unknown `kid` leads to another look."""


class SigningKeys:
    """The keys of one process, cached."""

    def __init__(self, database: Database, secrets: StoredSecrets) -> None:
        self._database = database
        self._secrets = secrets
        self._keys: dict[str, TokenKey] = {}
        self._public: dict[str, ECKey] = {}
        self._private: tuple[str, ECKey] | None = None
        self._loaded_at = float("-inf")

    async def signing(self) -> tuple[str, ECKey]:
        """The `kid` and the key that signs; the first one is made here."""
        await self._reload(RELOAD_S)
        current = self._current()
        if current is None:
            async with self._database.transaction() as connection:
                await repository.lock_keys(connection)
                if not await repository.valid_keys(connection, clock.now()):
                    await self._add(connection, clock.now())
            await self._reload(0.0)
            current = self._current()
            assert current is not None
        if self._private is None or self._private[0] != current.kid:
            private = await self._secrets.opened(TOKEN_KEY, current.private_key, current.kid)
            self._private = current.kid, ECKey.import_key(private)
        return self._private

    async def verifying(self, kid: str) -> ECKey | None:
        """The public key of a `kid`; `None`: it is unknown, or was retired too long ago."""
        await self._reload(RELOAD_S if kid in self._keys else _UNKNOWN_RELOAD_S)
        key = self._keys.get(kid)
        if key is None or (key.retired_at is not None and key.retired_at <= _retired_since(clock.now())):
            return None
        if kid not in self._public:
            self._public[kid] = ECKey.import_key(dict(key.public_key))
        return self._public[kid]

    async def public(self) -> list[dict[str, str]]:
        """Every key that verifies, as JWK."""
        await self._reload(RELOAD_S)
        return [
            {**key.public_key, "kid": key.kid, "use": "sig", "alg": ALGORITHM}
            for key in self._keys.values()
            if key.retired_at is None or key.retired_at > _retired_since(clock.now())
        ]

    async def rotate(self, caller: Caller) -> str:
        """Make a new key, which signs from now on; returns its `kid`. Those before verify until their tokens expire."""
        at = clock.now()
        async with self._database.transaction() as connection:
            await repository.lock_keys(connection)
            await repository.retire_keys(connection, at)
            kid = await self._add(connection, at)
            await fetch(connection, audit.record(caller, "token_key.rotate", None, {"kid": kid}, at))
        self._loaded_at = float("-inf")
        return kid

    async def _add(self, connection: AsyncConnection, at: datetime) -> str:
        key, kid = ECKey.generate_key(_CURVE), new_id("tky")
        public = {name: str(value) for name, value in key.as_dict(private=False).items()}
        private = await self._secrets.seal(TOKEN_KEY, key.as_pem(private=True).decode(), kid)
        await repository.add_key(connection, kid=kid, private_key=private, public_key=public, at=at)
        return kid

    def _current(self) -> TokenKey | None:
        return next((key for key in self._keys.values() if key.retired_at is None), None)

    async def _reload(self, after_s: float) -> None:
        """Read the keys again where they were read longer ago than this."""
        if time.monotonic() - self._loaded_at < after_s:
            return
        async with self._database.reading() as connection:
            found = await repository.valid_keys(connection, _retired_since(clock.now()))
        self._keys = {key.kid: key for key in found}
        self._loaded_at = time.monotonic()


def _retired_since(at: datetime) -> datetime:
    """Keys that were retired before have signed no token that is still valid, also in a process that signed on."""
    return at - ACCESS_LIFE - timedelta(seconds=2 * RELOAD_S)
