"""Failed webhook deliveries are listed and replayed without reading those that were delivered."""

from alembic import op

revision = "0028"
down_revision = "0027"

_INDEX = "webhook_deliveries_failed_idx"
_TABLE = "webhook_deliveries"


def upgrade() -> None:
    op.create_index(_INDEX, _TABLE, ["endpoint_id", "created_at", "delivery_id"], postgresql_where="status = 'failed'")


def downgrade() -> None:
    op.drop_index(_INDEX, _TABLE)
