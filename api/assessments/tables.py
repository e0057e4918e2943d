"""Assessments, which are never changed, and labels: whether a claim was fraud."""

from pydantic import JsonValue
from sqlalchemy import CheckConstraint, Double, ForeignKey, Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from api.tables import Base, Cents, Instant


class AssessmentRow(Base):
    """One assessment of a claim with its inputs and result. A trigger refuses any change.

    A later assessment is a new row that names the one it supersedes. Without a score, its columns are null.
    """

    __tablename__ = "assessments"

    assessment_id: Mapped[str] = mapped_column(primary_key=True)
    claim_id: Mapped[str] = mapped_column(ForeignKey("claims.claim_id"))
    made_at: Mapped[Instant]
    decided_by: Mapped[str] = mapped_column(comment="What decided whether the claim is flagged: 'model' or 'rule'.")
    breaker_state: Mapped[str]
    score_failure: Mapped[str | None] = mapped_column(comment="Why there was no valid score.")
    outcome: Mapped[str]
    approved_cents: Mapped[Cents]
    flagged: Mapped[bool]
    findings: Mapped[list[dict[str, JsonValue]]] = mapped_column(JSONB)
    rule: Mapped[dict[str, JsonValue] | None] = mapped_column(JSONB, comment="What the rule compared.")
    model_version: Mapped[str | None]
    schema_hash: Mapped[str | None]
    probability: Mapped[float | None] = mapped_column(Double)
    margin: Mapped[float | None] = mapped_column(Double)
    threshold: Mapped[float | None] = mapped_column(Double)
    base_margin: Mapped[float | None] = mapped_column(Double)
    typical_margin: Mapped[float | None] = mapped_column(
        Double, comment="Log-odds of the typical claim; with the pushes of the groups it sums to the margin."
    )
    vector: Mapped[dict[str, JsonValue] | None] = mapped_column(JSONB)
    contributions: Mapped[dict[str, JsonValue] | None] = mapped_column(JSONB)
    groups: Mapped[list[dict[str, JsonValue]] | None] = mapped_column(JSONB)
    reasons: Mapped[list[dict[str, JsonValue]]] = mapped_column(JSONB)
    counterfactual: Mapped[dict[str, JsonValue] | None] = mapped_column(JSONB)
    feature_times: Mapped[dict[str, JsonValue] | None] = mapped_column(JSONB)
    stale_views: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    explained_by: Mapped[str | None]
    shadow: Mapped[dict[str, JsonValue] | None] = mapped_column(JSONB)
    supersedes: Mapped[str | None] = mapped_column(ForeignKey("assessments.assessment_id"))
    changes: Mapped[dict[str, JsonValue] | None] = mapped_column(JSONB, comment="Field → [before, after].")
    policy_version: Mapped[int | None] = mapped_column(comment="That decided; 0: the settings.")
    policy_trace: Mapped[list[JsonValue] | None] = mapped_column(
        JSONB,
        comment="Rules that held, with the values they read; settings other than those the platform comes with.",
    )

    __table_args__ = (
        CheckConstraint("decided_by IN ('model', 'rule')", name="assessments_decided_by_check"),
        CheckConstraint("(decided_by = 'model') = (probability IS NOT NULL)", name="assessments_score_check"),
        Index(None, "claim_id", "made_at"),
        # An assessment is superseded once: two workers cannot both rescore a claim.
        Index("assessments_supersedes_key", "supersedes", unique=True, postgresql_where="supersedes IS NOT NULL"),
        Index("assessments_rule_made_at_idx", "made_at", postgresql_where="decided_by = 'rule'"),
        Index("assessments_flagged_idx", text("made_at DESC"), postgresql_where="flagged"),
    )


class LabelRow(Base):
    """A label of a claim and when it became known. At any instant, the latest one known before it counts.

    A trigger adds `label.recorded` to the outbox for each label, so that a label committed after midnight, or loaded
    long after, is still included in the day it became known. More than a thousand of one statement are one event,
    `history.loaded`.
    """

    __tablename__ = "labels"

    claim_id: Mapped[str] = mapped_column(primary_key=True)
    known_at: Mapped[Instant] = mapped_column(primary_key=True)
    is_fraud: Mapped[bool | None] = mapped_column(
        comment="True: confirmed; false: cleared; null: withdrawn, the truth is unknown again."
    )
    kind: Mapped[str | None]
    source: Mapped[str] = mapped_column(comment="'disposition', or the data set it was loaded from.")

    __table_args__ = (
        Index(None, "known_at"),
        Index("labels_fraud_idx", "claim_id", postgresql_where="is_fraud"),
    )
