"""Signing keys of actors as they are stored."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

SIGNING_KEY_LIFE: Final = timedelta(days=365)
"""Of a key that is registered without a time of its own."""
MAX_SIGNING_KEY_LIFE: Final = timedelta(days=3_650)


@dataclass(frozen=True, slots=True)
class RequestSigningKey:
    """A public key with which an actor signs requests."""

    signing_key_id: str
    actor_id: str
    """An API key or a user."""
    key_id: str
    """The `keyid` of its signatures: SHA-256 of the public key, in URL-safe base64."""
    name: str
    algorithm: str
    public_key: bytes
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None

    def state_at(self, at: datetime) -> Literal["valid", "expired", "revoked"]:
        """Whether it is valid at an instant."""
        if self.revoked_at is not None:
            return "revoked"
        return "valid" if at < self.expires_at else "expired"
