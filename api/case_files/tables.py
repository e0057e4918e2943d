"""Files of cases. Nothing is changed or removed: what happens to a file is a row of another table."""

from datetime import date

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from api.tables import Base, Instant


class CaseFileRow(Base):
    """A file that was obtained for a case: append-only."""

    __tablename__ = "case_files"

    file_id: Mapped[str] = mapped_column(primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.case_id"))
    task_id: Mapped[str | None] = mapped_column(
        ForeignKey("case_tasks.task_id"), comment="The records request that it answers."
    )
    name_sealed: Mapped[bytes] = mapped_column(LargeBinary, comment="Encrypted with a data key.")
    obtained_from_sealed: Mapped[bytes] = mapped_column(LargeBinary, comment="Encrypted with a data key.")
    obtained_on: Mapped[date]
    media_type: Mapped[str] = mapped_column(comment="By its content.")
    size: Mapped[int] = mapped_column(BigInteger, comment="In bytes.")
    sha256: Mapped[str] = mapped_column(comment="Of the file as it was sent, in hex.")
    added_at: Mapped[Instant]
    added_by: Mapped[str] = mapped_column(comment="Id of the key or user.")
    added_name: Mapped[str]

    __table_args__ = (
        Index(None, "case_id", "added_at"),
        CheckConstraint("size > 0", name="case_files_size_check"),
    )


class CaseFilePartRow(Base):
    """A part of a file: append-only."""

    __tablename__ = "case_file_parts"

    file_id: Mapped[str] = mapped_column(ForeignKey("case_files.file_id"), primary_key=True)
    begins: Mapped[int] = mapped_column(BigInteger, primary_key=True, comment="Offset of its first byte.")
    content_sealed: Mapped[bytes] = mapped_column(LargeBinary, comment="Encrypted with a data key.")


class CaseFileScanRow(Base):
    """What the antivirus scanner said of a file: append-only."""

    __tablename__ = "case_file_scans"

    file_id: Mapped[str] = mapped_column(ForeignKey("case_files.file_id"), primary_key=True)
    at: Mapped[Instant]
    signature: Mapped[str | None] = mapped_column(comment="What it found.")


class CaseFileAccessRow(Base):
    """The content of a file was sent, recorded before it was: append-only."""

    __tablename__ = "case_file_accesses"

    access_id: Mapped[str] = mapped_column(primary_key=True)
    file_id: Mapped[str] = mapped_column(ForeignKey("case_files.file_id"))
    at: Mapped[Instant]
    actor_id: Mapped[str] = mapped_column(comment="Id of the key or user.")
    name: Mapped[str]
    role: Mapped[str]

    __table_args__ = (Index(None, "file_id", "at"),)


class CaseFileWithdrawalRow(Base):
    """A file does not count any more: append-only."""

    __tablename__ = "case_file_withdrawals"

    file_id: Mapped[str] = mapped_column(ForeignKey("case_files.file_id"), primary_key=True)
    at: Mapped[Instant]
    actor_id: Mapped[str] = mapped_column(comment="Id of the key or user.")
    name: Mapped[str]
    reason_sealed: Mapped[bytes] = mapped_column(LargeBinary, comment="Encrypted with a data key.")
