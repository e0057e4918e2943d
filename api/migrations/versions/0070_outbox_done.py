"""An index of the events of the outbox that are done, by when: the daily removal of old ones finds them by it."""

from alembic import op

revision = "0070"
down_revision = "0069"

_INDEX = "outbox_done_at_idx"


def upgrade() -> None:
    with op.get_context().autocommit_block():  # events are written meanwhile
        op.create_index(
            _INDEX,
            "outbox",
            ["done_at"],
            postgresql_where="done_at IS NOT NULL",
            postgresql_concurrently=True,
            if_not_exists=True,
        )


def downgrade() -> None:
    op.drop_index(_INDEX, "outbox")
