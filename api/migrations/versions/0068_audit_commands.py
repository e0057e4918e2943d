"""Outcome `failed` in the audit log, of commands that ended with an error or were killed, and an index of requests."""

from alembic import op

from api.migrate import create_index_beside_writes

revision = "0068"
down_revision = "0067"

_NAME, _LOG = "audit_log_outcome_check", "audit_log"
_INDEX = "audit_log_request_id_audit_id_idx"


def upgrade() -> None:
    _replace("'success', 'denied', 'not_found', 'failed'")
    with op.get_context().autocommit_block():  # ends the lock of the replacement; entries are added meanwhile
        op.execute(f"ALTER TABLE {_LOG} VALIDATE CONSTRAINT {_NAME}")
        create_index_beside_writes(_INDEX, _LOG, ["request_id", "audit_id"])


def downgrade() -> None:
    """Entries of commands that failed stay; no others are added."""
    op.drop_index(_INDEX, _LOG)
    _replace("'success', 'denied', 'not_found'")


def _replace(outcomes: str) -> None:
    """Entries that are there are not read."""
    op.execute(f"ALTER TABLE {_LOG} DROP CONSTRAINT {_NAME}")
    op.execute(f"ALTER TABLE {_LOG} ADD CONSTRAINT {_NAME} CHECK (outcome IN ({outcomes})) NOT VALID")
