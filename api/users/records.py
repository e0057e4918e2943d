"""Users as they are stored, and what follows from their role."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from api.identity import Caller
from core import clock

USER_ROLES: Final = (
    *("admin", "provider", "insurer", "member", "investigator", "lead_investigator"),
    *("data_scientist", "operator"),
)
"""Roles of people. Systems, such as the claims system and monitoring, have API keys."""
EMERGENCY_ROLES: Final = ("admin", "insurer", "investigator", "lead_investigator", "data_scientist", "operator")
"""Roles that emergency access may give: those that are bound to no provider or member."""
SECOND_FACTOR_ROLES: Final = frozenset({"admin", "insurer", "investigator", "lead_investigator"})
"""Roles that sign in with a second factor only."""
SECOND_FACTORS: Final = frozenset({"otp", "mfa"})
"""Methods (RFC 8176) that say that a second factor was proved: here, or at the identity provider."""


class UserState(Enum):
    """Whether a user may sign in."""

    ACTIVE = "active"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class User:
    """A user without what it signs in with."""

    user_id: str
    login: str | None
    """`None`: it is encrypted, and this was read without it (`opened`)."""
    display_name: str
    role: str
    provider_id: str | None
    member_id: str | None
    state: str
    must_change_password: bool
    second_factor_at: datetime | None
    signed_out_at: datetime
    """Sign-ins before this instant have ended."""
    created_at: datetime
    updated_at: datetime
    disabled_at: datetime | None
    emergency_role: str | None = None
    """Of emergency access, until `emergency_until`."""
    emergency_until: datetime | None = None
    emergency_reason: str | None = None
    login_sealed: bytes | None = None
    """As it is stored; `None`: it is not encrypted yet."""

    def emergency_at(self, at: datetime) -> str | None:
        """The role of emergency access at `at`; `None`: there is none, or it has ended."""
        return None if self.emergency_until is None or self.emergency_until <= at else self.emergency_role

    @property
    def acting_role(self) -> str:
        """The role as of now: that of emergency access, or the user's own."""
        return self.emergency_at(clock.now()) or self.role

    @property
    def caller(self) -> Caller:
        """The user as the one who acts, as of now."""
        emergency = self.emergency_at(clock.now())
        if emergency is not None:
            return Caller(self.user_id, emergency, None, self.display_name)
        return Caller(self.user_id, self.role, self.provider_id, self.display_name, member_id=self.member_id)

    @property
    def is_active(self) -> bool:
        """Whether the user may sign in."""
        return self.state == UserState.ACTIVE.value

    @property
    def needs_second_factor(self) -> bool:
        """Whether a password alone is not enough: a role requires more, or the user chose it.

        Emergency access does not replace what the own role requires, to which the session returns.
        """
        requires = not SECOND_FACTOR_ROLES.isdisjoint((self.role, self.acting_role))
        return requires or self.second_factor_at is not None

    def is_signed_in_by(self, methods: Iterable[str]) -> bool:
        """Whether a sign-in by `methods` (RFC 8176) has the second factor that the user needs as of now."""
        return not self.needs_second_factor or not SECOND_FACTORS.isdisjoint(methods)


@dataclass(frozen=True, slots=True)
class EmergencyUse:
    """One emergency access, from the audit log."""

    user_id: str
    role: str
    reason: str
    granted_by: str
    began_at: datetime
    until: datetime
    """When it ended, or will."""
    acts: int
    """Rows of the audit log of the user under this role meanwhile."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a user signs in with."""

    password_hash: str | None
    totp_secret: bytes | None
    """Encrypted."""
    totp_step: int | None
    """Time step of the last accepted code."""
    pending_totp_secret: bytes | None
    """Encrypted; not confirmed by a code yet."""


NO_CREDENTIALS: Final = Credentials(None, None, None, None)
"""Those of a login that does not exist."""


def just_after(at: datetime) -> datetime:
    """The first instant after `at`: a user who is signed out at `at` keeps no sign-in of that very instant."""
    return at + timedelta(microseconds=1)
