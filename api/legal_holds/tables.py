"""Legal holds on members."""

from datetime import date, datetime
from typing import Final

from sqlalchemy import CheckConstraint, DateTime, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from api.tables import Base, Instant

_CLEAR: Final = "In clear, of an earlier release."
_SEALED: Final = "Encrypted with a data key."


class LegalHoldRow(Base):
    """While it is in force, nothing that is stored about a member is erased, archived or deleted."""

    __tablename__ = "legal_holds"

    hold_id: Mapped[str] = mapped_column(primary_key=True)
    member_id: Mapped[str]
    case_number: Mapped[str | None] = mapped_column(comment=_CLEAR)
    case_number_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, comment=_SEALED)
    reason: Mapped[str | None] = mapped_column(comment=_CLEAR)
    reason_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, comment=_SEALED)
    contact: Mapped[str | None] = mapped_column(comment=_CLEAR)
    contact_sealed: Mapped[bytes | None] = mapped_column(
        LargeBinary, comment="Whom to ask for a release; encrypted with a data key."
    )
    last_day: Mapped[date | None] = mapped_column(comment="In force up to this day; null: until it is released.")
    added_at: Mapped[Instant]
    added_by: Mapped[str] = mapped_column(comment="Id of the key or user.")
    released_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    released_by: Mapped[str | None]
    release_reason: Mapped[str | None] = mapped_column(comment=_CLEAR)
    release_reason_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, comment=_SEALED)

    __table_args__ = (
        Index("legal_holds_open_idx", "member_id", postgresql_where=text("released_at IS NULL")),
        Index(None, "added_at", "hold_id"),
        CheckConstraint(
            "num_nonnulls(released_at, released_by) IN (0, 2) "
            "AND num_nonnulls(release_reason, release_reason_sealed) = num_nonnulls(released_at)",
            name="legal_holds_released_check",
        ),
        CheckConstraint(
            "num_nonnulls(case_number, case_number_sealed) = 1 AND num_nonnulls(reason, reason_sealed) = 1 "
            "AND num_nonnulls(contact, contact_sealed) = 1",
            name="legal_holds_texts_check",
        ),
    )
