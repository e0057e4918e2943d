"""Evidence packs as they were written. A trigger refuses changes."""

from sqlalchemy import ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from api.tables import Base, Cents, Instant


class EvidencePackRow(Base):
    """A pack of a case: append-only."""

    __tablename__ = "evidence_packs"

    pack_id: Mapped[str] = mapped_column(primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.case_id"))
    written_at: Mapped[Instant]
    written_by: Mapped[str] = mapped_column(comment="Id of the key or user.")
    written_name: Mapped[str]
    claims: Mapped[int]
    billed_cents: Mapped[Cents]
    paid_cents: Mapped[Cents]
    at_risk_cents: Mapped[Cents]
    pack_sha256: Mapped[str]
    file_sealed: Mapped[bytes] = mapped_column(
        LargeBinary, comment="The JSON file, compressed by zlib, encrypted with a data key."
    )
    pdf_sealed: Mapped[bytes] = mapped_column(LargeBinary, comment="Encrypted with a data key.")

    __table_args__ = (Index(None, "case_id", "written_at"),)
