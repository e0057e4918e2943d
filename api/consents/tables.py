"""What members said about purposes of use: append-only, so the state of a consent is derived."""

from datetime import date

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from api.tables import Base, Instant


class ConsentRow(Base):
    """A consent to a purpose, or an objection to one. In force from its first to its last day unless withdrawn."""

    __tablename__ = "consents"

    consent_id: Mapped[str] = mapped_column(primary_key=True)
    member_id: Mapped[str]
    purpose: Mapped[str] = mapped_column(comment="api/purposes.py.")
    kind: Mapped[str] = mapped_column(comment="granted or objected.")
    scope: Mapped[str] = mapped_column(comment="claims: claims alone; all: also who the member is.")
    first_day: Mapped[date]
    last_day: Mapped[date | None] = mapped_column(comment="In force up to this day; null: until it is withdrawn.")
    document_sha256: Mapped[str | None] = mapped_column(comment="Of the signed document, in hexadecimal digits.")
    document_place: Mapped[str | None] = mapped_column(comment="Where the document is kept: a reference, no name.")
    recorded_at: Mapped[Instant]
    recorded_by: Mapped[str] = mapped_column(comment="Id of the key or user.")

    __table_args__ = (
        Index(None, "member_id", "purpose"),
        Index("consents_objections_idx", "purpose", "member_id", postgresql_where="kind = 'objected'"),
        CheckConstraint("kind IN ('granted', 'objected')", name="consents_kind_check"),
        CheckConstraint("scope IN ('claims', 'all')", name="consents_scope_check"),
        CheckConstraint("last_day >= first_day", name="consents_days_check"),
        CheckConstraint("num_nonnulls(document_sha256, document_place) IN (0, 2)", name="consents_document_check"),
    )


class ConsentWithdrawalRow(Base):
    """A consent or an objection that is withdrawn, from then on and for good."""

    __tablename__ = "consent_withdrawals"

    consent_id: Mapped[str] = mapped_column(ForeignKey("consents.consent_id"), primary_key=True)
    withdrawn_at: Mapped[Instant]
    withdrawn_by: Mapped[str] = mapped_column(comment="Id of the key or user.")
