"""Leads, their claims, and views that a person saved."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Date, DateTime, Double, ForeignKey, Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from api.leads.records import LeadStatus
from api.tables import Base, Cents, Instant
from claims.leads import LeadSource, LeadSubjectKind, SnoozeReason

SUBJECT_KINDS = tuple(one.value for one in LeadSubjectKind)
SOURCES = tuple(one.value for one in LeadSource)
STATUSES = tuple(one.value for one in LeadStatus)
SNOOZE_REASONS = tuple(one.value for one in SnoozeReason)


class LeadRow(Base):
    """Claims that need a person, of one subject; at most one lead of a subject is not closed."""

    __tablename__ = "leads"

    lead_id: Mapped[str] = mapped_column(primary_key=True)
    subject_kind: Mapped[str]
    subject_id: Mapped[str]
    status: Mapped[str]
    source: Mapped[str]
    week: Mapped[date | None] = mapped_column(comment="The Monday on which it was ranked last; null: not ranked yet.")
    rank: Mapped[int | None] = mapped_column(comment="Its place of that Monday, from 1.")
    listed: Mapped[bool] = mapped_column(comment="Whether its rank is within the week's capacity.")
    claims: Mapped[int]
    scored: Mapped[int] = mapped_column(comment="Claims with a score.")
    expected_cents: Mapped[Cents | None] = mapped_column(
        comment="Expected recoverable, the sum over claims with a score."
    )
    low_cents: Mapped[Cents | None] = mapped_column(comment="Lower end of its 90 % interval.")
    high_cents: Mapped[Cents | None] = mapped_column(comment="Upper end of its 90 % interval.")
    paid_cents: Mapped[Cents]
    unpaid_cents: Mapped[Cents]
    probability: Mapped[float | None] = mapped_column(Double, comment="The highest of its claims.")
    indicators: Mapped[list[str]] = mapped_column(ARRAY(Text))
    due_on: Mapped[date | None] = mapped_column(Date)
    opened_at: Mapped[Instant]
    closed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    assigned_to: Mapped[str | None] = mapped_column(comment="Id of the key or user.")
    assigned_name: Mapped[str | None]
    assigned_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    snoozed_until: Mapped[date | None] = mapped_column(Date)
    snooze_reason: Mapped[str | None]

    __table_args__ = (
        Index(
            "leads_open_subject_idx",
            "subject_kind",
            "subject_id",
            unique=True,
            postgresql_where=text("status <> 'closed'"),
        ),
        Index("leads_expected_idx", "status", "expected_cents", "lead_id"),
        Index("leads_assigned_to_idx", "assigned_to", "status", postgresql_where=text("assigned_to IS NOT NULL")),
        Index("leads_closed_at_idx", "closed_at", postgresql_where=text("status = 'closed'")),
        CheckConstraint(f"subject_kind IN {SUBJECT_KINDS}", name="leads_subject_kind_check"),
        CheckConstraint(f"source IN {SOURCES}", name="leads_source_check"),
        CheckConstraint(f"status IN {STATUSES}", name="leads_status_check"),
        CheckConstraint(f"snooze_reason IN {SNOOZE_REASONS}", name="leads_snooze_reason_check"),
        CheckConstraint("num_nonnulls(assigned_to, assigned_name, assigned_at) IN (0, 3)", name="leads_assigned_check"),
        CheckConstraint(
            "num_nonnulls(snoozed_until, snooze_reason) IN (0, 2) "
            "AND (status = 'snoozed') = (snoozed_until IS NOT NULL)",
            name="leads_snoozed_check",
        ),
        CheckConstraint("(status = 'closed') = (closed_at IS NOT NULL)", name="leads_closed_check"),
    )


class RingRow(Base):
    """Providers that shared members tie together, as of a Monday; a provider is in at most one ring."""

    __tablename__ = "rings"

    ring_id: Mapped[str] = mapped_column(primary_key=True, comment="Stays while providers join and leave.")
    provider_ids: Mapped[list[str]] = mapped_column(ARRAY(Text))
    week: Mapped[date] = mapped_column(Date, comment="The Monday that it was computed for.")


class LeadClaimRow(Base):
    """A claim of a lead. A claim that is archived later stays named here."""

    __tablename__ = "lead_claims"

    lead_id: Mapped[str] = mapped_column(ForeignKey("leads.lead_id"), primary_key=True)
    claim_id: Mapped[str] = mapped_column(primary_key=True)
    source: Mapped[str]
    added_at: Mapped[Instant]
    done_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), comment="When it needed no one any more, or moved to another lead."
    )

    __table_args__ = (
        Index("lead_claims_open_idx", "claim_id", unique=True, postgresql_where=text("done_at IS NULL")),
        CheckConstraint(f"source IN {SOURCES}", name="lead_claims_source_check"),
    )


class SavedViewRow(Base):
    """A tab of the queue with filters, under a name that a person gave it."""

    __tablename__ = "saved_views"

    view_id: Mapped[str] = mapped_column(primary_key=True)
    actor_id: Mapped[str] = mapped_column(comment="Id of the key or user.")
    name: Mapped[str]
    query: Mapped[str] = mapped_column(comment="Of the address of the queue.")
    created_at: Mapped[Instant]

    __table_args__ = (Index("saved_views_actor_id_name_key", "actor_id", "name", unique=True),)
