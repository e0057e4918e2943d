"""What people decided about claims in review."""

from datetime import date

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, LargeBinary, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from api.tables import Base, Cents, Instant
from claims.review import Action, Effect

ACTIONS = tuple(action.value for action in Action)
EFFECTS = tuple(effect.value for effect in Effect)


class DecisionRow(Base):
    """One act of a person: a decision, a proposal, its answer, a request for documents, a reopening.

    A trigger refuses any change. The claim's row names the last one (`claims.decision_id`).
    """

    __tablename__ = "decisions"

    decision_id: Mapped[str] = mapped_column(primary_key=True)
    claim_id: Mapped[str] = mapped_column(ForeignKey("claims.claim_id"))
    number: Mapped[int] = mapped_column(Integer, comment="Of the claim's decisions, from 1, in the order of commits.")
    made_at: Mapped[Instant]
    action: Mapped[str]
    effect: Mapped[str]
    outcome: Mapped[str] = mapped_column(comment="The claim's status afterwards.")
    pays_cents: Mapped[Cents] = mapped_column(comment="What is paid, or would be by a proposal.")
    approved_cents: Mapped[Cents] = mapped_column(comment="Of the claim afterwards.")
    reserved_cents: Mapped[Cents] = mapped_column(comment="Of the claim afterwards.")
    reason: Mapped[str] = mapped_column(comment="A code of claims/review/reasons.py.")
    note: Mapped[str | None] = mapped_column(comment="In clear, of an earlier release.")
    documents: Mapped[list[str] | None] = mapped_column(
        ARRAY(Text), server_default="{}", comment="In clear, of an earlier release."
    )
    due_on: Mapped[date | None]
    disposition: Mapped[str | None] = mapped_column(comment="The finding stated with it.")
    kind: Mapped[str | None] = mapped_column(comment="Of confirmed fraud.")
    answers: Mapped[str | None] = mapped_column(ForeignKey("decisions.decision_id"), comment="The proposal answered.")
    assessment_id: Mapped[str | None] = mapped_column(
        ForeignKey("assessments.assessment_id"), comment="The latest assessment at that moment."
    )
    actor_id: Mapped[str] = mapped_column("api_key_id", key="actor_id")
    decided_by: Mapped[str] = mapped_column(comment="The key's name, as of then.")
    role: Mapped[str] = mapped_column(comment="The key's role, as of then.")
    note_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, comment="Encrypted with the member's key.")
    documents_sealed: Mapped[bytes | None] = mapped_column(
        LargeBinary, comment="Names of requested documents, encrypted with the member's key."
    )

    __table_args__ = (
        CheckConstraint(f"action IN {ACTIONS}", name="decisions_action_check"),
        CheckConstraint(f"effect IN {EFFECTS}", name="decisions_effect_check"),
        # Where an erasure has emptied what an earlier release stored in clear, it is null.
        CheckConstraint(
            "effect <> 'pended' "
            "OR (due_on IS NOT NULL AND (documents_sealed IS NOT NULL OR documents IS DISTINCT FROM '{}'))",
            name="decisions_pend_check",
        ),
        CheckConstraint("(action IN ('approve', 'refuse')) = (answers IS NOT NULL)", name="decisions_answers_check"),
        Index(None, "made_at"),
        Index("decisions_assessment_id_idx", "assessment_id", postgresql_where="assessment_id IS NOT NULL"),
        Index("decisions_claim_id_number_key", "claim_id", "number", unique=True),
        # A proposal is answered once.
        Index("decisions_answers_key", "answers", unique=True, postgresql_where="answers IS NOT NULL"),
    )
