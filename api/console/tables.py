"""Console sessions: each can be ended, and none outlives its key."""

from datetime import datetime

from sqlalchemy import DateTime, ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from api.tables import Base, Instant


class ConsoleSessionRow(Base):
    """A signed-in browser. Only the SHA-256 of its token is stored."""

    __tablename__ = "console_sessions"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    api_key_id: Mapped[str] = mapped_column(ForeignKey("api_keys.api_key_id"))
    created_at: Mapped[Instant]
    expires_at: Mapped[Instant]
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (Index(None, "expires_at"),)
