"""Deleted webhook endpoints, whose deliveries are removed in batches."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"

_KEY = "webhook_endpoints_url_key"
_TABLE = "webhook_endpoints"


def upgrade() -> None:
    op.add_column(
        _TABLE,
        sa.Column(
            "deleted_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="The worker removes its deliveries, then the row.",
        ),
    )
    op.drop_constraint(_KEY, _TABLE, type_="unique")
    op.create_index(_KEY, _TABLE, ["url"], unique=True, postgresql_where="deleted_at IS NULL")


def downgrade() -> None:
    """Removes deleted endpoints with their deliveries."""
    op.execute("DELETE FROM webhook_endpoints WHERE deleted_at IS NOT NULL")
    op.drop_index(_KEY, _TABLE)
    op.create_unique_constraint(_KEY, _TABLE, ["url"])
    op.drop_column(_TABLE, "deleted_at")
