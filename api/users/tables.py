"""People who sign in, their recovery codes, and the counters that slow down guessing."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from api.tables import Base, Instant
from api.users.records import EMERGENCY_ROLES, USER_ROLES, UserState

STATES = tuple(one.value for one in UserState)


class UserRow(Base):
    """A person who signs in. Rows are never deleted: what the person did refers to them."""

    __tablename__ = "users"

    user_id: Mapped[str] = mapped_column(primary_key=True)
    login: Mapped[str | None] = mapped_column(unique=True, comment="In clear, of an earlier release.")
    login_sealed: Mapped[bytes | None] = mapped_column(
        LargeBinary, comment="E-mail address in lower case, encrypted with a data key."
    )
    login_index: Mapped[bytes | None] = mapped_column(
        LargeBinary, unique=True, comment="Keyed hash of the login, by which it is searched for."
    )
    display_name: Mapped[str]
    role: Mapped[str]
    provider_id: Mapped[str | None]
    member_id: Mapped[str | None]
    state: Mapped[str]
    password_hash: Mapped[str | None] = mapped_column(comment="Argon2id in PHC form; null: signs in by OIDC only.")
    must_change_password: Mapped[bool] = mapped_column(
        server_default=text("false"), comment="Somebody else chose the password."
    )
    totp_secret: Mapped[bytes | None] = mapped_column(LargeBinary, comment="Encrypted; null: no second factor.")
    totp_step: Mapped[int | None] = mapped_column(
        BigInteger, comment="Time step of the last accepted code; codes of it and of earlier steps are refused."
    )
    second_factor_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), comment="When the second factor was confirmed."
    )
    pending_totp_secret: Mapped[bytes | None] = mapped_column(
        LargeBinary, comment="Encrypted; becomes the secret with its first code."
    )
    signed_out_at: Mapped[Instant] = mapped_column(comment="Sign-ins before this instant have ended.")
    created_at: Mapped[Instant]
    updated_at: Mapped[Instant]
    disabled_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    emergency_role: Mapped[str | None] = mapped_column(comment="Of emergency access; null: none.")
    emergency_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    emergency_reason: Mapped[str | None]

    __table_args__ = (
        CheckConstraint(f"role IN {USER_ROLES}", name="users_role_check"),
        CheckConstraint(f"state IN {STATES}", name="users_state_check"),
        CheckConstraint("login = lower(login) AND login <> ''", name="users_login_check"),
        CheckConstraint(
            "num_nonnulls(login, login_sealed) = 1 AND (login_sealed IS NULL) = (login_index IS NULL)",
            name="users_login_sealed_check",
        ),
        CheckConstraint("(role = 'provider') = (provider_id IS NOT NULL)", name="users_provider_check"),
        CheckConstraint("(role = 'member') = (member_id IS NOT NULL)", name="users_member_check"),
        CheckConstraint("(state = 'disabled') = (disabled_at IS NOT NULL)", name="users_disabled_check"),
        CheckConstraint("(totp_secret IS NULL) = (second_factor_at IS NULL)", name="users_second_factor_check"),
        CheckConstraint(f"emergency_role IN {EMERGENCY_ROLES}", name="users_emergency_role_check"),
        CheckConstraint(
            "num_nulls(emergency_role, emergency_until, emergency_reason) IN (0, 3)",
            name="users_emergency_check",
        ),
        Index("users_created_at_idx", "created_at", "user_id"),
    )


class RecoveryCodeRow(Base):
    """A code that stands in for the second factor once. Only its SHA-256 is stored: it has 80 random bits."""

    __tablename__ = "recovery_codes"

    user_id: Mapped[str] = mapped_column(ForeignKey("users.user_id"), primary_key=True)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    created_at: Mapped[Instant]
    used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class SignInCounterRow(Base):
    """Failed sign-ins in a row of one login or address, which is stored as a hash."""

    __tablename__ = "sign_in_counters"

    counter_key: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    failures: Mapped[int]
    failed_at: Mapped[Instant]
    allowed_at: Mapped[Instant] = mapped_column(comment="The next attempt is accepted from then on.")

    __table_args__ = (Index(None, "failed_at"),)


class SignInPlaceRow(Base):
    """An address that a login was signed in from: guesses from elsewhere do not delay it. Stored as a hash."""

    __tablename__ = "sign_in_places"

    place_key: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    seen_at: Mapped[Instant]

    __table_args__ = (Index(None, "seen_at"),)
