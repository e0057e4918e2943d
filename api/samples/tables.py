"""Random samples of a case's claims, and the ledger of what was demanded."""

from datetime import date, datetime

from pydantic import JsonValue
from sqlalchemy import ARRAY, BigInteger, CheckConstraint, DateTime, ForeignKey, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from api.samples.records import EntryKind, OverpaymentReason
from api.tables import Base, Cents, Instant

REASONS = tuple(one.value for one in OverpaymentReason)
ENTRY_KINDS = tuple(one.value for one in EntryKind)
_ACTOR = "Id of the key or user."


class CaseSampleRow(Base):
    """A sample of the paid claims of a provider; its frame, so that it can be drawn once more."""

    __tablename__ = "samples"

    sample_id: Mapped[str] = mapped_column(primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.case_id"))
    provider_id: Mapped[str]
    first_day: Mapped[date]
    last_day: Mapped[date]
    boundaries_cents: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), comment="Lowest amounts of further strata.")
    frame_sha256: Mapped[str]
    frame_units: Mapped[int]
    frame_cents: Mapped[Cents]
    frame: Mapped[str] = mapped_column(comment="Canonical text: stratum, claim and paid cents of each claim.")
    method: Mapped[str]
    seed: Mapped[str]
    strata: Mapped[list[dict[str, JsonValue]]] = mapped_column(JSONB)
    created_at: Mapped[Instant]
    created_by: Mapped[str] = mapped_column(comment=_ACTOR)
    estimate: Mapped[dict[str, JsonValue] | None] = mapped_column(
        JSONB(none_as_null=True), comment="Null: the review is not complete."
    )
    fixed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    fixed_by: Mapped[str | None] = mapped_column(comment=_ACTOR)

    __table_args__ = (
        Index(None, "case_id", "created_at"),
        CheckConstraint("last_day >= first_day", name="samples_days_check"),
        CheckConstraint("num_nonnulls(estimate, fixed_at, fixed_by) IN (0, 3)", name="samples_fixed_check"),
    )


class SampleItemRow(Base):
    """A claim that was drawn. A claim that is archived later stays named here."""

    __tablename__ = "sample_items"

    sample_id: Mapped[str] = mapped_column(ForeignKey("samples.sample_id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    claim_id: Mapped[str]
    stratum: Mapped[str]
    paid_cents: Mapped[Cents]
    number: Mapped[str] = mapped_column(comment="SHA-256 that it was drawn by, in hexadecimal digits.")
    correct_cents: Mapped[Cents | None] = mapped_column(comment="Null: not reviewed.")
    reason: Mapped[str | None]
    reviewed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    reviewed_by: Mapped[str | None] = mapped_column(comment=_ACTOR)

    __table_args__ = (
        Index(None, "sample_id", "claim_id", unique=True),
        Index(None, "claim_id"),
        CheckConstraint(f"reason IN {REASONS}", name="sample_items_reason_check"),
        CheckConstraint("correct_cents >= 0", name="sample_items_correct_check"),
        CheckConstraint(
            "num_nonnulls(correct_cents, reason, reviewed_at, reviewed_by) IN (0, 4)",
            name="sample_items_reviewed_check",
        ),
    )


class RecoupmentRow(Base):
    """A demand of what a sample showed to be overpaid; one of each sample."""

    __tablename__ = "recoupments"

    recoupment_id: Mapped[str] = mapped_column(primary_key=True)
    sample_id: Mapped[str] = mapped_column(ForeignKey("samples.sample_id"))
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.case_id"))
    provider_id: Mapped[str]
    demanded_cents: Mapped[Cents]
    demanded_at: Mapped[Instant]
    demanded_by: Mapped[str] = mapped_column(comment=_ACTOR)
    due_on: Mapped[date]
    appeal_until: Mapped[date]

    __table_args__ = (
        Index(None, "sample_id", unique=True),
        Index(None, "case_id", "demanded_at"),
        Index(None, "provider_id", "demanded_at"),
        CheckConstraint("demanded_cents > 0", name="recoupments_demanded_check"),
    )


class RecoupmentEntryRow(Base):
    """The ledger of a recoupment: append-only."""

    __tablename__ = "recoupment_entries"

    recoupment_id: Mapped[str] = mapped_column(ForeignKey("recoupments.recoupment_id"), primary_key=True)
    entry_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[Instant]
    by: Mapped[str] = mapped_column(comment=_ACTOR)
    kind: Mapped[str]
    amount_cents: Mapped[Cents]
    balance_cents: Mapped[Cents] = mapped_column(comment="After this line.")
    claims: Mapped[dict[str, JsonValue]] = mapped_column(JSONB, comment="Of received money: cents by claim.")

    __table_args__ = (
        CheckConstraint(f"kind IN {ENTRY_KINDS}", name="recoupment_entries_kind_check"),
        CheckConstraint("amount_cents > 0", name="recoupment_entries_amount_check"),
        CheckConstraint("balance_cents >= 0", name="recoupment_entries_balance_check"),
    )
