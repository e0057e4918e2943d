"""API keys."""

from datetime import datetime

from sqlalchemy import CheckConstraint, DateTime, LargeBinary, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from api.identity import roles
from api.tables import Base, Instant

ROLES = tuple(roles.ROLES)


class ApiKeyRow(Base):
    """An API key. Only its SHA-256 is stored: the secret has 256 random bits, so a slow hash would add nothing."""

    __tablename__ = "api_keys"

    api_key_id: Mapped[str] = mapped_column(primary_key=True)
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    name: Mapped[str]
    role: Mapped[str]
    provider_id: Mapped[str | None]
    member_id: Mapped[str | None]
    created_at: Mapped[Instant]
    expires_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    api_version: Mapped[str | None] = mapped_column(comment="Of requests that name none; null: before the first call.")
    pinned_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    previous_version: Mapped[str | None] = mapped_column(comment="Before the last upgrade, which can be rolled back.")
    upgraded_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    scopes: Mapped[list[str] | None] = mapped_column(
        ARRAY(Text), comment="What the key may do of what its role may; null: all of it."
    )
    last_used_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), comment="To within seconds; written once a minute."
    )
    replaced_by: Mapped[str | None] = mapped_column(comment="The key that it was rotated to.")

    __table_args__ = (
        CheckConstraint(f"role IN {ROLES}", name="api_keys_role_check"),
        CheckConstraint("(role = 'provider') = (provider_id IS NOT NULL)", name="api_keys_provider_check"),
        CheckConstraint("(role = 'member') = (member_id IS NOT NULL)", name="api_keys_member_check"),
        CheckConstraint("(api_version IS NULL) = (pinned_at IS NULL)", name="api_keys_pin_check"),
        CheckConstraint("(previous_version IS NULL) = (upgraded_at IS NULL)", name="api_keys_upgrade_check"),
    )
