"""Which parts of the audit log are in archives. Only the owner of the tables adds to it."""

from sqlalchemy import BigInteger, CheckConstraint, LargeBinary, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from api.tables import Base, Instant


class AuditArchiveRow(Base):
    """One archive. A trigger lets rows of the log be deleted only up to the last one that an archive has."""

    __tablename__ = "audit_archives"

    archive: Mapped[str] = mapped_column(primary_key=True, comment="Name of its folder.")
    folder: Mapped[str] = mapped_column(comment="Where its folder was written.")
    archived_at: Mapped[Instant]
    first_seal: Mapped[int] = mapped_column(BigInteger, unique=True)
    last_seal: Mapped[int] = mapped_column(BigInteger, unique=True)
    last_audit_id: Mapped[int] = mapped_column(BigInteger, comment="The last row that it has.")
    manifest: Mapped[bytes] = mapped_column(LargeBinary, comment="As it is in the folder.")
    signature: Mapped[bytes] = mapped_column(LargeBinary, comment="Of the manifest.")
    members: Mapped[list[str]] = mapped_column(
        ARRAY(Text), comment="Whose keys encrypt changes in it, which are kept for that."
    )

    __table_args__ = (CheckConstraint("first_seal <= last_seal", name="audit_archives_seals_check"),)
