"""Jobs, the bytes of their files, and what was refused."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Index, Integer, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from api.bulk.records import FORMATS, STATUSES
from api.tables import Base, Instant


class BulkJobRow(Base):
    """A file of claims: first uploaded, then submitted."""

    __tablename__ = "bulk_jobs"

    job_id: Mapped[str] = mapped_column(primary_key=True)
    actor_id: Mapped[str] = mapped_column(
        "api_key_id", key="actor_id", comment="Who uploads it; its claims are submitted with the same rights."
    )
    format: Mapped[str]
    status: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger, comment="Bytes of the file, as announced.")
    received: Mapped[int] = mapped_column(BigInteger, comment="Bytes that have arrived.")
    sha256: Mapped[str | None] = mapped_column(comment="Of the file: as announced, then as computed.")
    created_at: Mapped[Instant]
    uploaded_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    next_offset: Mapped[int] = mapped_column(BigInteger, comment="The first byte that was not submitted.")
    next_line: Mapped[int] = mapped_column(Integer, comment="The line, or segment, that begins there.")
    accepted: Mapped[int] = mapped_column(Integer)
    refused: Mapped[int] = mapped_column(Integer)
    lease: Mapped[str | None] = mapped_column(comment="Of the worker that submits a part of it.")
    leased_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), comment="Nobody takes it before.")
    failure: Mapped[str | None]
    position: Mapped[bytes | None] = mapped_column(
        LargeBinary, comment="Of an X12 file: where its transaction set begins, with the headers of its envelopes."
    )

    __table_args__ = (
        CheckConstraint(f"format IN {FORMATS}", name="bulk_jobs_format_check"),
        CheckConstraint(f"status IN {STATUSES}", name="bulk_jobs_status_check"),
        CheckConstraint("received BETWEEN 0 AND size", name="bulk_jobs_received_check"),
        Index(
            "bulk_jobs_open_idx",
            "uploaded_at",
            "job_id",
            postgresql_where="status IN ('queued', 'running')",
        ),
    )


class BulkChunkRow(Base):
    """A part of a file, until its claims were submitted."""

    __tablename__ = "bulk_chunks"

    job_id: Mapped[str] = mapped_column(ForeignKey("bulk_jobs.job_id", ondelete="CASCADE"), primary_key=True)
    begins: Mapped[int] = mapped_column(BigInteger, primary_key=True, comment="Offset of its first byte.")
    content: Mapped[bytes | None] = mapped_column(LargeBinary, comment="In clear, of an earlier release.")
    content_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, comment="Encrypted with a data key.")

    __table_args__ = (CheckConstraint("num_nonnulls(content, content_sealed) = 1", name="bulk_chunks_content_check"),)


class BulkRejectRow(Base):
    """Why a line was refused; never a value of it."""

    __tablename__ = "bulk_rejects"

    job_id: Mapped[str] = mapped_column(ForeignKey("bulk_jobs.job_id", ondelete="CASCADE"), primary_key=True)
    line: Mapped[int] = mapped_column(Integer, primary_key=True, comment="In the file, from 1; of X12 the segment.")
    place: Mapped[int] = mapped_column(Integer, primary_key=True, comment="Of the line's reasons, from 1.")
    field: Mapped[str]
    code: Mapped[str]
    reason: Mapped[str]
    remedy: Mapped[str]
