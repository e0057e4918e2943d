"""Outcome `failed` in the audit log, of commands that ended with an error or were killed, and an index of requests."""

from alembic import op

revision = "0068"
down_revision = "0067"

_NAME, _LOG = "audit_log_outcome_check", "audit_log"
_INDEX = "audit_log_request_id_audit_id_idx"


def upgrade() -> None:
    _replace("'success', 'denied', 'not_found', 'failed'")
    with op.get_context().autocommit_block():  # rows are added meanwhile
        op.create_index(_INDEX, _LOG, ["request_id", "audit_id"], postgresql_concurrently=True, if_not_exists=True)


def downgrade() -> None:
    op.drop_index(_INDEX, _LOG)
    _replace("'success', 'denied', 'not_found'")


def _replace(outcomes: str) -> None:
    """Rows are checked without keeping others from being written."""
    op.execute(f"ALTER TABLE {_LOG} DROP CONSTRAINT {_NAME}")
    op.execute(f"ALTER TABLE {_LOG} ADD CONSTRAINT {_NAME} CHECK (outcome IN ({outcomes})) NOT VALID")
    op.execute(f"ALTER TABLE {_LOG} VALIDATE CONSTRAINT {_NAME}")
