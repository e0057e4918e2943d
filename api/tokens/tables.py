"""Keys that sign access tokens, and the refresh tokens of signed-in users."""

from datetime import datetime

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from api.tables import Base, Instant
from api.tokens.records import SessionKind

KINDS = tuple(one.value for one in SessionKind)


class TokenKeyRow(Base):
    """A key of ES256. One signs at a time; those before verify until the last token they signed has expired."""

    __tablename__ = "token_keys"

    kid: Mapped[str] = mapped_column(primary_key=True)
    private_key: Mapped[bytes] = mapped_column(LargeBinary, comment="PEM, encrypted.")
    public_key: Mapped[dict[str, str]] = mapped_column(JSONB, comment="JWK.")
    created_at: Mapped[Instant]
    retired_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), comment="Null: it signs.")

    __table_args__ = (
        Index("token_keys_signing_key", text("(true)"), unique=True, postgresql_where="retired_at IS NULL"),
    )


class TokenFamilyRow(Base):
    """One sign-in: every refresh token that followed from it, or the session of a browser."""

    __tablename__ = "token_families"

    family_id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.user_id"))
    kind: Mapped[str] = mapped_column(server_default="api")
    methods: Mapped[list[str]] = mapped_column(ARRAY(Text), comment="Authentication methods (RFC 8176).")
    created_at: Mapped[Instant] = mapped_column(comment="When the user signed in.")
    authenticated_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), comment="When the person proved to be it; null: at created_at."
    )
    expires_at: Mapped[Instant] = mapped_column(comment="However often it is refreshed.")
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    end_reason: Mapped[str | None]
    address: Mapped[str | None] = mapped_column(comment="Network address of the sign-in.")
    agent: Mapped[str | None] = mapped_column(comment="The program that signed in, as it names itself.")

    __table_args__ = (
        Index(None, "user_id"),
        Index(None, "expires_at"),
        CheckConstraint(f"kind IN {KINDS}", name="token_families_kind_check"),
    )


class RefreshTokenRow(Base):
    """A refresh token, of which only the SHA-256 is stored. It is used once; its successor takes its place."""

    __tablename__ = "refresh_tokens"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    family_id: Mapped[str] = mapped_column(ForeignKey("token_families.family_id", ondelete="CASCADE"))
    created_at: Mapped[Instant]
    expires_at: Mapped[Instant] = mapped_column(comment="If it is not used before.")
    used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    successor: Mapped[bytes | None] = mapped_column(
        LargeBinary, comment="Encrypted, for a retry after a lost response; null: unused, or its successor was used."
    )

    __table_args__ = (Index(None, "family_id"),)
