"""Sign-ins as they are stored, and the lives of tokens."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from api.identity import Caller
from api.users import SECOND_FACTORS

ACCESS_LIFE: Final = timedelta(minutes=10)
IDLE_LIFE: Final = timedelta(hours=1)
"""A refresh token that is not used for this long has expired."""
FAMILY_LIFE: Final = timedelta(hours=12)
"""After this long the user signs in again, however often tokens were refreshed."""
RETRY_WINDOW: Final = timedelta(seconds=10)
"""How long a used refresh token gets the same successor, for a client that lost the response."""
RECENT: Final = timedelta(minutes=10)
"""How old a second factor may be for what needs a recent one, and a sign-in for what needs a recent sign-in."""


class SessionKind(Enum):
    """What a session is used with."""

    API = "api"
    CONSOLE = "console"


@dataclass(frozen=True, slots=True)
class TokenFamily:
    """One sign-in."""

    family_id: str
    user_id: str
    methods: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    kind: str = SessionKind.API.value
    authenticated_at: datetime | None = None
    """When the person proved to be it, where an identity provider says so; `None`: at `created_at`."""
    address: str | None = None
    agent: str | None = None

    @property
    def proved_at(self) -> datetime:
        """When the person proved to be it."""
        return self.authenticated_at or self.created_at


@dataclass(frozen=True, slots=True)
class UserSession:
    """A session that goes on, as its user sees it."""

    session_id: str
    kind: str
    created_at: datetime
    used_at: datetime
    """When the tokens were last refreshed; of the console, when the session began."""
    expires_at: datetime
    """If it is not used before; of the console, in any case."""
    methods: tuple[str, ...]
    address: str | None
    agent: str | None


@dataclass(frozen=True, slots=True)
class SignedInCaller:
    """A user who sent a valid access token, and how the user signed in."""

    caller: Caller
    family_id: str
    signed_in_at: datetime
    """When the person proved to be it."""
    methods: tuple[str, ...]

    def has_recent_second_factor(self, at: datetime) -> bool:
        """Whether a second factor was proved in the last `RECENT`."""
        return not SECOND_FACTORS.isdisjoint(self.methods) and self.is_recent(at)

    def is_recent(self, at: datetime) -> bool:
        """Whether the user signed in within the last `RECENT`."""
        return self.signed_in_at > at - RECENT


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
