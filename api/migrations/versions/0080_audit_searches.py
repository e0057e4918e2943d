"""Indexes of the audit log for searches by outcome and by purpose."""

from alembic import op

from api.migrate import create_index_beside_writes

revision = "0080"
down_revision = "0079"

_LOG = "audit_log"
_NO_SUCCESS, _PURPOSE = "audit_log_not_success_idx", "audit_log_purpose_audit_id_idx"


def upgrade() -> None:
    with op.get_context().autocommit_block():  # entries are added meanwhile
        create_index_beside_writes(_NO_SUCCESS, _LOG, ["audit_id"], where="outcome <> 'success'")
        create_index_beside_writes(_PURPOSE, _LOG, ["purpose", "audit_id"])


def downgrade() -> None:
    op.drop_index(_PURPOSE, _LOG)
    op.drop_index(_NO_SUCCESS, _LOG)
