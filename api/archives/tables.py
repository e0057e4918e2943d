"""Which archives there are, and which of them has a claim. Only the owner of the tables changes either."""

from datetime import datetime

from sqlalchemy import DateTime, ForeignKey, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from api.tables import Base, Instant


class ArchiveRow(Base):
    """One archive: a folder with a Parquet file for each table and a signed manifest."""

    __tablename__ = "archives"

    archive: Mapped[str] = mapped_column(primary_key=True, comment="Name of its folder.")
    kind: Mapped[str] = mapped_column(comment="Kind of data.")
    folder: Mapped[str] = mapped_column(comment="Where its folder was written.")
    begun_at: Mapped[Instant]
    archived_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True),
        comment="When its rows were deleted here; null: it is being written, or was interrupted.",
    )
    claims: Mapped[int | None] = mapped_column(Integer)
    first_received_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    last_received_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    manifest_sha256: Mapped[str | None]


class ArchivedClaimRow(Base):
    """The archive that has a claim. A trigger lets rows about a claim be deleted only if it has an entry here."""

    __tablename__ = "archived_claims"

    claim_id: Mapped[str] = mapped_column(primary_key=True)
    archive: Mapped[str] = mapped_column(ForeignKey("archives.archive"))
    member_id: Mapped[str | None]
    provider_id: Mapped[str | None]
    received_at: Mapped[Instant]
    restored_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), comment="When it was restored; null: it is in the archive only."
    )

    __table_args__ = (
        Index(None, "archive"),
        Index(None, "member_id"),
        Index(None, "received_at"),
    )
