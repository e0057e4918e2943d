"""Tasks: work that is carried out after the request that asked for it."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    op.create_table(
        "tasks",
        sa.Column("task_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("api_key_id", sa.Text(), nullable=True, comment="Whose request asked for it; none: the schedule."),
        sa.Column("schedule_key", sa.Text(), nullable=True, comment="Schedule and instant that it is the work of."),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=True, comment="JSON; removed when the task has succeeded."),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("max_attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False, comment="No attempt begins before."),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True, comment="Handed to the broker."),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True, comment="Of the last attempt."),
        sa.Column("lease", sa.Text(), nullable=True, comment="Of the process that carries it out."),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True, comment="Nobody takes it before."),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.CheckConstraint("state IN ('queued', 'running', 'succeeded', 'failed')", name="tasks_state_check"),
        sa.CheckConstraint("attempts BETWEEN 0 AND max_attempts", name="tasks_attempts_check"),
        sa.CheckConstraint("(state IN ('succeeded', 'failed')) = (ended_at IS NOT NULL)", name="tasks_ended_check"),
        sa.PrimaryKeyConstraint("task_id", name="tasks_pkey"),
    )
    for name, columns, where in (
        ("tasks_due_idx", ["queue", "due_at", "task_id"], "state = 'queued'"),
        ("tasks_running_idx", ["leased_until"], "state = 'running'"),
        ("tasks_open_idx", ["api_key_id"], "state IN ('queued', 'running')"),
        ("tasks_published_idx", ["published_at"], "published_at IS NOT NULL"),
        ("tasks_ended_idx", ["ended_at"], "ended_at IS NOT NULL"),
        ("tasks_failed_idx", ["ended_at", "task_id"], "state = 'failed'"),
    ):
        op.create_index(name, "tasks", columns, postgresql_where=where)
    op.create_index(
        "tasks_schedule_key", "tasks", ["schedule_key"], unique=True, postgresql_where="schedule_key IS NOT NULL"
    )


def downgrade() -> None:
    """Drops every task: what was not carried out is lost, so let the queues run empty before."""
    op.drop_table("tasks")
