"""The outbox: events written in the transaction of the change they follow from, consumed at least once.

Beside it is the state of the last write to the online store, by which the updater detects lost writes.
"""

from datetime import datetime

from pydantic import JsonValue
from sqlalchemy import BigInteger, CheckConstraint, DateTime, Identity, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from api.tables import Base, Instant


class OutboxRow(Base):
    """One event. Positions are assigned before commit, so a lower one may become visible after a higher one:
    consumers select what is not done, never what lies above a position."""

    __tablename__ = "outbox"

    position: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    topic: Mapped[str]
    entity_key: Mapped[str]
    payload: Mapped[dict[str, JsonValue]] = mapped_column(JSONB)
    created_at: Mapped[Instant]
    not_before: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), comment="When to try again.")
    attempts: Mapped[int] = mapped_column(server_default="0")
    done_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    write_number: Mapped[int | None] = mapped_column(
        BigInteger, comment="The write of the online store that contains the event."
    )

    __table_args__ = (
        Index("outbox_open_idx", "topic", "position", postgresql_where="done_at IS NULL"),
        # Without statistics the planner would walk the primary key past every event that is done.
        Index("outbox_open_position_idx", "position", postgresql_where="done_at IS NULL"),
        # Without it each batch of the daily removal reads every event that is kept.
        Index("outbox_done_at_idx", "done_at", postgresql_where="done_at IS NOT NULL"),
        Index("outbox_write_number_idx", "write_number", postgresql_where="write_number IS NOT NULL"),
    )


class DeadLetterRow(Base):
    """An event that a consumer could not handle after several attempts. It blocks nothing, and waits for an operator.

    The function `fail_event` of the database counts the attempts of every consumer and adds the row.
    """

    __tablename__ = "dead_letters"

    position: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False, comment="Of the event.")
    consumer: Mapped[str]
    topic: Mapped[str]
    entity_key: Mapped[str]
    payload: Mapped[dict[str, JsonValue]] = mapped_column(JSONB)
    created_at: Mapped[Instant] = mapped_column(comment="Of the event.")
    attempts: Mapped[int]
    error: Mapped[str] = mapped_column(comment="Of the last attempt.")
    failed_at: Mapped[Instant] = mapped_column(comment="Time of the last attempt.")
    resolved_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    resolution: Mapped[str | None]
    reason: Mapped[str | None] = mapped_column(comment="Why it was discarded.")
    resolved_by: Mapped[str | None]
    replayed_as: Mapped[int | None] = mapped_column(BigInteger, comment="The position of the event that repeats it.")

    __table_args__ = (
        CheckConstraint("(resolved_at IS NULL) = (resolution IS NULL)", name="dead_letters_resolved_check"),
        CheckConstraint("resolution IN ('replayed', 'discarded')", name="dead_letters_resolution_check"),
        CheckConstraint("(resolution = 'discarded') = (reason IS NOT NULL)", name="dead_letters_reason_check"),
        Index("dead_letters_open_idx", "position", postgresql_where="resolved_at IS NULL"),
    )


class FeatureStoreRow(Base):
    """State of the last write to one project of the online store (`features/update/lost_writes.py`)."""

    __tablename__ = "feature_store"

    project: Mapped[str] = mapped_column(primary_key=True)
    writes: Mapped[int] = mapped_column(BigInteger, comment="The watermark's count as of the last write.")
    evicted: Mapped[int] = mapped_column(BigInteger, server_default="0", comment="Evictions already repaired.")
    generation: Mapped[int | None] = mapped_column(BigInteger, comment="The generation of keys last written.")
