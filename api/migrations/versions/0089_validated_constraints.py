"""Validate the constraints that were added without a read of the rows there were.

PostgreSQL reads each table once, under a lock that stops neither reads nor writes of its rows, and each in a
transaction of its own. A constraint that is not valid is also one that SQLAlchemy cannot reflect without a warning.
"""

from alembic import op

revision = "0089"
down_revision = "0088"

_ADDED = (
    ("idempotency_keys", "idempotency_keys_body_check"),
    ("bulk_chunks", "bulk_chunks_content_check"),
    ("appeals", "appeals_reason_check"),
    ("webhook_deliveries", "webhook_deliveries_body_check"),
    ("mails", "mails_texts_check"),
    ("decisions", "decisions_pend_check"),
)


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for table, name in _ADDED:
            op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")


def downgrade() -> None:
    """Changes nothing: the release before meets the same constraints, and the rows are valid."""
