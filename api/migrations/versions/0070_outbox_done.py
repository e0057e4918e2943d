"""An index of the events of the outbox that are done, by when: the daily removal of old ones finds them by it."""

from alembic import op

from api.migrate import create_index_beside_writes

revision = "0070"
down_revision = "0069"

_INDEX = "outbox_done_at_idx"


def upgrade() -> None:
    with op.get_context().autocommit_block():  # events are written meanwhile
        create_index_beside_writes(_INDEX, "outbox", ["done_at"], where="done_at IS NOT NULL")


def downgrade() -> None:
    op.drop_index(_INDEX, "outbox")
