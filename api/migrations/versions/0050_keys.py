"""API keys with scopes of their own, the time of their last use, and the key that replaced them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0050"
down_revision = "0043"

_TABLE = "api_keys"


def upgrade() -> None:
    comment = "What the key may do of what its role may; null: all of it."
    op.add_column(_TABLE, sa.Column("scopes", ARRAY(sa.Text()), nullable=True, comment=comment))
    comment = "To within seconds; written once a minute."
    op.add_column(_TABLE, sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True, comment=comment))
    comment = "The key that it was rotated to."
    op.add_column(_TABLE, sa.Column("replaced_by", sa.Text(), nullable=True, comment=comment))


def downgrade() -> None:
    for name in ("replaced_by", "last_used_at", "scopes"):
        op.drop_column(_TABLE, name)
