"""Encrypted columns of replies, tasks and uploads, beside those in clear.

The release that runs until it is restarted reads the columns in clear; `ginja crypto encrypt` empties them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0061"
down_revision = "0060"

_CLEAR = "In clear, of an earlier release."
_COLUMNS = (
    ("idempotency_keys", "body_sealed", "Encrypted with a data key."),
    ("tasks", "payload_sealed", "JSON, encrypted with a data key; removed when the task has succeeded."),
    ("tasks", "body_sealed", "Of what it answered: JSON, encrypted."),
    ("bulk_chunks", "content_sealed", "Encrypted with a data key."),
)
_REQUIRED = (("idempotency_keys", "body"), ("bulk_chunks", "content"))
"""Had a value in each row."""


def upgrade() -> None:
    for table, column, comment in _COLUMNS:
        op.add_column(table, sa.Column(column, sa.LargeBinary(), nullable=True, comment=comment))
    for table, column in _REQUIRED:
        op.alter_column(table, column, existing_type=sa.LargeBinary(), nullable=True, comment=_CLEAR)
        # Rows that are there have the value in clear; they are not read to check it.
        op.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT {table}_{column}_check "
            f"CHECK (num_nonnulls({column}, {column}_sealed) = 1) NOT VALID"
        )
    op.alter_column(
        "tasks",
        "payload",
        existing_type=sa.LargeBinary(),
        comment=_CLEAR,
        existing_comment="JSON; removed when the task has succeeded.",
    )
    op.alter_column(
        "tasks", "result", existing_type=sa.JSON(), comment="What it answered, without a body.", existing_comment=None
    )


def downgrade() -> None:
    """Deletes the replies and parts of uploads that were encrypted, and drops what was sent with tasks."""
    op.alter_column("tasks", "result", existing_type=sa.JSON(), comment=None)
    op.alter_column(
        "tasks", "payload", existing_type=sa.LargeBinary(), comment="JSON; removed when the task has succeeded."
    )
    for table, column in _REQUIRED:
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_{column}_check")
        op.execute(f"DELETE FROM {table} WHERE {column} IS NULL")
        op.alter_column(table, column, existing_type=sa.LargeBinary(), nullable=False, comment=None)
    for table, column, _ in reversed(_COLUMNS):
        op.drop_column(table, column)
