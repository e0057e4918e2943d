"""Sessions of the console as its pages see them."""

from dataclasses import dataclass
from datetime import datetime

from api.identity import Caller, Scope


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who is signed in, and the end of the session."""

    caller: Caller
    """On whose behalf this session acts."""
    expires_at: datetime
    signed_in_at: datetime
    """When the person proved to be it."""
    session_id: str | None = None
    """Of a user; `None`: of a key."""
    form_token: str = ""
    """Of the session's forms."""

    @property
    def actor_id(self) -> str:
        """Of the user or the key."""
        return self.caller.actor_id

    @property
    def name(self) -> str:
        """Of the user or the key."""
        return self.caller.name

    @property
    def role(self) -> str:
        """Of the user or the key."""
        return self.caller.role

    @property
    def may_operate(self) -> bool:
        """Whether the pages for operators are shown."""
        return self.may(Scope.OPERATE)

    @property
    def may_audit(self) -> bool:
        """Whether the audit log is shown."""
        return self.may(Scope.AUDIT)

    def may(self, scope: Scope) -> bool:
        """Whether the session has `scope`."""
        return self.caller.may(scope)


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A session that was just opened."""

    token: str
    """Secret, and not stored."""
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SignInOffers:
    """Ways to sign in that the page shows."""

    users: bool
    """Login and password; there is a user."""
    provider: bool
    """The identity provider."""
    keys: bool
    """An API key; there is no user yet."""
