"""Sign-ins as they are stored, and the lives of tokens."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from api.identity import Caller

ACCESS_LIFE: Final = timedelta(minutes=10)
IDLE_LIFE: Final = timedelta(hours=1)
"""A refresh token that is not used for this long has expired."""
FAMILY_LIFE: Final = timedelta(hours=12)
"""After this long the user signs in again, however often tokens were refreshed."""
RETRY_WINDOW: Final = timedelta(seconds=10)
"""How long a used refresh token gets the same successor, for a client that lost the response."""
RECENT: Final = timedelta(minutes=10)
"""How old a second factor may be for what needs a recent one."""


@dataclass(frozen=True, slots=True)
class TokenFamily:
    """One sign-in."""

    family_id: str
    user_id: str
    methods: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class SignedInCaller:
    """A user who sent a valid access token, and how the user signed in."""

    caller: Caller
    family_id: str
    signed_in_at: datetime
    methods: tuple[str, ...]

    def has_recent_second_factor(self, at: datetime) -> bool:
        """Whether a second factor was proved in the last `RECENT`."""
        return "otp" in self.methods and self.signed_in_at > at - RECENT


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token as it is stored."""

    family_id: str
    expires_at: datetime
    used_at: datetime | None
    successor: bytes | None
    """Encrypted."""


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a user who signed in gets; both tokens are secrets and not stored."""

    access_token: str
    refresh_token: str
    refresh_expires_at: datetime
