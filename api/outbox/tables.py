"""The outbox: events written in the transaction of the change they follow from, consumed at least once.

Beside it is the state of the last write to the online store, by which the updater detects lost writes.
"""

from datetime import datetime

from pydantic import JsonValue
from sqlalchemy import BigInteger, DateTime, Identity, Index
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

    __table_args__ = (Index("outbox_open_idx", "topic", "position", postgresql_where="done_at IS NULL"),)


class FeatureStoreRow(Base):
    """State of the last write to one project of the online store (`features/update/lost_writes.py`)."""

    __tablename__ = "feature_store"

    project: Mapped[str] = mapped_column(primary_key=True)
    writes: Mapped[int] = mapped_column(BigInteger, comment="The watermark's count as of the last write.")
    evicted: Mapped[int] = mapped_column(BigInteger, server_default="0", comment="Evictions already repaired.")
