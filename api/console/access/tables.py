"""Console sessions: each can be ended, and none outlives its key or the sign-in of its user."""

from datetime import datetime

from sqlalchemy import DateTime, ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from api.tables import Base, Instant


class ConsoleSessionRow(Base):
    """A signed-in browser. Only the SHA-256 of its token is stored."""

    __tablename__ = "console_sessions"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    actor_id: Mapped[str] = mapped_column("api_key_id", key="actor_id", comment="The key or the user that signed in.")
    family_id: Mapped[str | None] = mapped_column(
        ForeignKey("token_families.family_id", ondelete="CASCADE"), comment="Of a user; null: of a key."
    )
    created_at: Mapped[Instant]
    expires_at: Mapped[Instant]
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (Index(None, "expires_at"), Index(None, "family_id"))
