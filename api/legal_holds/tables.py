"""Legal holds on members."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, DateTime, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from api.tables import Base, Instant


class LegalHoldRow(Base):
    """While it is in force, nothing that is stored about a member is erased, archived or deleted."""

    __tablename__ = "legal_holds"

    hold_id: Mapped[str] = mapped_column(primary_key=True)
    member_id: Mapped[str]
    case_number: Mapped[str]
    reason: Mapped[str]
    contact: Mapped[str] = mapped_column(comment="Whom to ask for a release.")
    last_day: Mapped[date | None] = mapped_column(comment="In force up to this day; null: until it is released.")
    added_at: Mapped[Instant]
    added_by: Mapped[str] = mapped_column(comment="Id of the key or user.")
    released_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    released_by: Mapped[str | None]
    release_reason: Mapped[str | None]

    __table_args__ = (
        Index("legal_holds_open_idx", "member_id", postgresql_where=text("released_at IS NULL")),
        Index(None, "added_at", "hold_id"),
        CheckConstraint(
            "num_nonnulls(released_at, released_by, release_reason) IN (0, 3)", name="legal_holds_released_check"
        ),
    )
