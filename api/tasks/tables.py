"""The table of tasks: the truth about them. What the broker holds can be lost, and is published again."""

from datetime import datetime

from pydantic import JsonValue
from sqlalchemy import JSON, CheckConstraint, DateTime, Index, Integer, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from api.tables import Base, Instant
from api.tasks.records import STATES


class TaskRow(Base):
    """Work that is carried out after the request that asked for it."""

    __tablename__ = "tasks"

    task_id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    queue: Mapped[str]
    actor_id: Mapped[str | None] = mapped_column(
        "api_key_id", key="actor_id", comment="Whose request asked for it; none: the schedule."
    )
    schedule_key: Mapped[str | None] = mapped_column(comment="Schedule and instant that it is the work of.")
    state: Mapped[str]
    payload: Mapped[bytes | None] = mapped_column(LargeBinary, comment="In clear, of an earlier release.")
    attempts: Mapped[int] = mapped_column(Integer)
    max_attempts: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[Instant]
    due_at: Mapped[Instant] = mapped_column(comment="No attempt begins before.")
    published_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), comment="Handed to the broker.")
    started_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), comment="Of the last attempt.")
    lease: Mapped[str | None] = mapped_column(comment="Of the process that carries it out.")
    leased_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), comment="Nobody takes it before.")
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    error: Mapped[str | None]
    result: Mapped[dict[str, JsonValue] | None] = mapped_column(JSON, comment="What it answered, without a body.")
    payload_sealed: Mapped[bytes | None] = mapped_column(
        LargeBinary, comment="JSON, encrypted with a data key; removed when the task has succeeded."
    )
    body_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, comment="Of what it answered: JSON, encrypted.")

    __table_args__ = (
        CheckConstraint(f"state IN {STATES}", name="tasks_state_check"),
        CheckConstraint("attempts BETWEEN 0 AND max_attempts", name="tasks_attempts_check"),
        CheckConstraint("(state IN ('succeeded', 'failed')) = (ended_at IS NOT NULL)", name="tasks_ended_check"),
        Index("tasks_due_idx", "queue", "due_at", "task_id", postgresql_where="state = 'queued'"),
        Index("tasks_running_idx", "leased_until", postgresql_where="state = 'running'"),
        Index("tasks_open_idx", "actor_id", postgresql_where="state IN ('queued', 'running')"),
        Index("tasks_published_idx", "published_at", postgresql_where="published_at IS NOT NULL"),
        Index("tasks_ended_idx", "ended_at", postgresql_where="ended_at IS NOT NULL"),
        Index("tasks_failed_idx", "ended_at", "task_id", postgresql_where="state = 'failed'"),
        Index("tasks_schedule_key", "schedule_key", unique=True, postgresql_where="schedule_key IS NOT NULL"),
    )
