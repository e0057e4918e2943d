"""Tasks of cases, and requests of records."""

import sqlalchemy as sa
from alembic import op

revision = "0084"
down_revision = "0083"

_SEES = "coalesce(current_setting('ginja.sees', true), ginja_no_caller())"
_ALL = f"(SELECT nullif({_SEES} = 'all', false)) IS NOT NULL"
_ACTOR = "Id of the key or user."


def upgrade() -> None:
    op.create_table(
        "case_tasks",
        sa.Column("task_id", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("title_sealed", sa.LargeBinary(), nullable=False, comment="Encrypted with a data key."),
        sa.Column(
            "letter_sealed",
            sa.LargeBinary(),
            nullable=True,
            comment="The letter of a request of records, encrypted with a data key.",
        ),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False, comment=_ACTOR),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_by", sa.Text(), nullable=True, comment=_ACTOR),
        sa.CheckConstraint("kind IN ('task', 'records_request')", name="case_tasks_kind_check"),
        sa.CheckConstraint("num_nonnulls(done_at, done_by) IN (0, 2)", name="case_tasks_done_check"),
        sa.CheckConstraint("(kind = 'task') = (letter_sealed IS NULL)", name="case_tasks_letter_check"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name="case_tasks_case_id_fkey"),
        sa.PrimaryKeyConstraint("task_id", name="case_tasks_pkey"),
    )
    op.create_index("case_tasks_case_id_due_on_idx", "case_tasks", ["case_id", "due_on"])
    op.execute("ALTER TABLE case_tasks ENABLE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY seen ON case_tasks USING ({_ALL})")


def downgrade() -> None:
    op.drop_table("case_tasks")
