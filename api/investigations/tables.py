"""Weekly lists of claims to investigate, and dispositions."""

from datetime import date

from sqlalchemy import CheckConstraint, Double, ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from api.tables import Base, Cents, Instant
from claims.review import RECOVERS, Disposition

SELECTED_BY = ("score", "audit")
DISPOSITIONS = tuple(disposition.value for disposition in Disposition)
_RECOVERS = tuple(disposition.value for disposition in Disposition if disposition in RECOVERS)


class SelectionRow(Base):
    """A claim on a week's list, with its probability of selection; a trigger refuses any change."""

    __tablename__ = "selections"

    claim_id: Mapped[str] = mapped_column(ForeignKey("claims.claim_id"), primary_key=True)
    week: Mapped[date] = mapped_column(comment="The Monday of the week in which the claims were received.")
    selected_by: Mapped[str] = mapped_column(comment="'score', or 'audit': drawn at random.")
    propensity: Mapped[float] = mapped_column(Double, comment="The chance to be selected, given the scores.")
    probability: Mapped[float] = mapped_column(Double, comment="What the model said then.")
    model_version: Mapped[str]
    made_at: Mapped[Instant]
    expected_recovery_cents: Mapped[Cents | None] = mapped_column(
        comment="Expected recovery less the cost of the review, when the list was made."
    )
    recovery_low_cents: Mapped[Cents | None] = mapped_column(comment="Lower end of its 90 % interval.")
    recovery_high_cents: Mapped[Cents | None] = mapped_column(comment="Upper end of its 90 % interval.")

    __table_args__ = (
        CheckConstraint(f"selected_by IN {SELECTED_BY}", name="selections_selected_by_check"),
        CheckConstraint("propensity > 0 AND propensity <= 1", name="selections_propensity_check"),
        CheckConstraint("selected_by = 'audit' OR propensity = 1", name="selections_score_check"),
        Index(None, "week"),
    )


class DispositionRow(Base):
    """One disposition of a claim. The latest counts; a disposition is never changed, only followed by another."""

    __tablename__ = "dispositions"

    claim_id: Mapped[str] = mapped_column(ForeignKey("claims.claim_id"), primary_key=True)
    known_at: Mapped[Instant] = mapped_column(primary_key=True, comment="When it was recorded; never earlier.")
    disposition: Mapped[str]
    kind: Mapped[str | None] = mapped_column(comment="Of a confirmed fraud.")
    amount_recovered_cents: Mapped[Cents] = mapped_column(server_default="0")
    decided_by: Mapped[str]
    note: Mapped[str | None] = mapped_column(comment="In clear, of an earlier release.")
    note_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, comment="Encrypted with the member's key.")

    __table_args__ = (
        CheckConstraint(f"disposition IN {DISPOSITIONS}", name="dispositions_disposition_check"),
        CheckConstraint(
            f"amount_recovered_cents >= 0 AND (amount_recovered_cents = 0 OR disposition IN {_RECOVERS})",
            name="dispositions_amount_recovered_cents_check",
        ),
        CheckConstraint("kind IS NULL OR disposition = 'confirmed'", name="dispositions_kind_check"),
        Index(None, "known_at"),
    )
