"""Edits that are suspended because their decisions were overturned."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Identity, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from api.tables import Base, Instant


class EditSuspensionRow(Base):
    """An edit that sends claims to review instead of rejecting or reducing them."""

    __tablename__ = "edit_suspensions"

    suspension_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    edit: Mapped[str] = mapped_column(comment="Code of its finding.")
    suspended_at: Mapped[Instant]
    decided: Mapped[int] = mapped_column(Integer, comment="Appeals decided by then.")
    overturned: Mapped[int] = mapped_column(Integer, comment="Of these, overturned at least partly.")
    limit_percent: Mapped[int] = mapped_column(Integer, comment="The limit that was passed.")
    appeal_id: Mapped[str] = mapped_column(ForeignKey("appeals.appeal_id"), comment="The appeal that passed it.")
    resumed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    resumed_by: Mapped[str | None]
    resume_reason: Mapped[str | None]

    __table_args__ = (
        CheckConstraint(
            "(resumed_at IS NULL) = (resumed_by IS NULL) AND (resumed_at IS NULL) = (resume_reason IS NULL)",
            name="edit_suspensions_resumed_check",
        ),
        # An edit is suspended once at a time.
        Index("edit_suspensions_open_key", "edit", unique=True, postgresql_where="resumed_at IS NULL"),
    )
