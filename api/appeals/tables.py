"""Appeals and their outcomes."""

from datetime import date

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, LargeBinary, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from api.tables import Base, Cents, Instant
from claims.appeals import APPEALABLE, AppealOutcome, Appellant

APPELLANTS = tuple(one.value for one in Appellant)
OUTCOMES = tuple(one.value for one in AppealOutcome)
STATUSES = tuple(sorted(one.value for one in APPEALABLE))


class AppealRow(Base):
    """An appeal against the decision of a claim. A trigger refuses any change."""

    __tablename__ = "appeals"

    appeal_id: Mapped[str] = mapped_column(primary_key=True)
    claim_id: Mapped[str] = mapped_column(ForeignKey("claims.claim_id"))
    level: Mapped[int] = mapped_column(Integer, comment="Of the claim's appeals, from 1.")
    filed_at: Mapped[Instant]
    appellant: Mapped[str]
    reason: Mapped[str | None] = mapped_column(comment="In clear, of an earlier release.")
    documents: Mapped[list[dict[str, str]] | None] = mapped_column(JSONB, comment="In clear, of an earlier release.")
    due_on: Mapped[date] = mapped_column(comment="The day by which it is decided.")
    status: Mapped[str] = mapped_column(comment="Of the claim when it was appealed.")
    decision_id: Mapped[str | None] = mapped_column(
        ForeignKey("decisions.decision_id"), comment="The decision appealed; null: one without a person."
    )
    caused_by: Mapped[list[str]] = mapped_column(ARRAY(Text), comment="Codes of the findings that caused the decision.")
    actor_id: Mapped[str] = mapped_column("api_key_id", key="actor_id")
    filed_by: Mapped[str] = mapped_column(comment="The key's name, as of then.")
    reason_sealed: Mapped[bytes | None] = mapped_column(
        LargeBinary, comment="In the appellant's words, encrypted with the member's key."
    )
    documents_sealed: Mapped[bytes | None] = mapped_column(
        LargeBinary,
        comment="Name, media type and SHA-256 of each document, which is kept elsewhere; encrypted with the member's "
        "key.",
    )

    __table_args__ = (
        CheckConstraint(f"appellant IN {APPELLANTS}", name="appeals_appellant_check"),
        CheckConstraint(f"status IN {STATUSES}", name="appeals_status_check"),
        CheckConstraint("num_nonnulls(reason, reason_sealed) <= 1", name="appeals_reason_check"),
        Index("appeals_claim_id_level_key", "claim_id", "level", unique=True),
        Index(None, "due_on", "appeal_id"),
        Index("appeals_decision_id_idx", "decision_id", postgresql_where="decision_id IS NOT NULL"),
    )


class AppealDecisionRow(Base):
    """The outcome of an appeal: the primary key allows one. A trigger refuses any change."""

    __tablename__ = "appeal_decisions"

    appeal_id: Mapped[str] = mapped_column(ForeignKey("appeals.appeal_id"), primary_key=True)
    made_at: Mapped[Instant]
    outcome: Mapped[str]
    note: Mapped[str | None] = mapped_column(comment="In clear, of an earlier release.")
    approved_cents: Mapped[Cents] = mapped_column(comment="Of the claim afterwards.")
    decision_id: Mapped[str | None] = mapped_column(
        ForeignKey("decisions.decision_id"), comment="The decision that it led to; null: the first one stands."
    )
    actor_id: Mapped[str] = mapped_column("api_key_id", key="actor_id")
    decided_by: Mapped[str] = mapped_column(comment="The key's name, as of then.")
    role: Mapped[str] = mapped_column(comment="The key's role, as of then.")
    note_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, comment="Encrypted with the member's key.")

    __table_args__ = (
        CheckConstraint(f"outcome IN {OUTCOMES}", name="appeal_decisions_outcome_check"),
        CheckConstraint("(outcome = 'upheld') = (decision_id IS NULL)", name="appeal_decisions_decision_check"),
        Index("appeal_decisions_decision_id_idx", "decision_id", postgresql_where="decision_id IS NOT NULL"),
    )
