"""Sessions of the console as its pages see them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from api.confirmation import Confirmation
from api.console.areas import sees_claims
from api.identity import Caller, Scope
from api.tokens import RECENT
from api.users import SECOND_FACTORS


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
    methods: frozenset[str] = frozenset()
    """How the user signed in (RFC 8176)."""
    has_app: bool = False
    """Whether the user has an authenticator app whose codes can be checked here."""
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
    def sees_claims(self) -> bool:
        """Whether the pages of claims are open, with the search for them."""
        return sees_claims(self.caller)

    @property
    def may_operate(self) -> bool:
        """Whether the pages for operators are shown."""
        return self.may(Scope.OPERATE)

    @property
    def may_audit(self) -> bool:
        """Whether the audit log is shown."""
        return self.may(Scope.AUDIT)

    @property
    def may_read_consents(self) -> bool:
        """Whether the page of a member is shown, which has its consents."""
        return self.may(Scope.CONSENTS_READ)

    @property
    def may_work_cases(self) -> bool:
        """Whether leads and cases can be taken."""
        return self.may(Scope.CASES_WORK)

    def has_recent_second_factor(self, at: datetime) -> bool:
        """Whether the user proved a second factor in the last `RECENT`; a key never does."""
        is_proved = self.session_id is not None and not SECOND_FACTORS.isdisjoint(self.methods)
        return is_proved and self.signed_in_at > at - RECENT

    def confirmation(self, at: datetime, *, is_needed: bool) -> Confirmation:
        """How this session confirms what it sends at `at`; `is_needed`: of keys, as for their requests to the API."""
        if self.session_id is None:
            return Confirmation(is_needed=is_needed)
        means: Literal["second factor"] | None = "second factor" if self.has_recent_second_factor(at) else None
        return Confirmation(means, is_user=True)

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
