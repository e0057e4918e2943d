"""The version of the API that a key is pinned to, and the one before its last upgrade."""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"

_TABLE = "api_keys"
_CHECKS = {
    "api_keys_pin_check": "(api_version IS NULL) = (pinned_at IS NULL)",
    "api_keys_upgrade_check": "(previous_version IS NULL) = (upgraded_at IS NULL)",
}


def upgrade() -> None:
    """A key that has a row already was used before there were pins: it is pinned at its next request."""
    comment = "Of requests that name none; null: before the first call."
    op.add_column(_TABLE, sa.Column("api_version", sa.Text(), nullable=True, comment=comment))
    op.add_column(_TABLE, sa.Column("pinned_at", sa.DateTime(timezone=True), nullable=True))
    comment = "Before the last upgrade, which can be rolled back."
    op.add_column(_TABLE, sa.Column("previous_version", sa.Text(), nullable=True, comment=comment))
    op.add_column(_TABLE, sa.Column("upgraded_at", sa.DateTime(timezone=True), nullable=True))
    for name, condition in _CHECKS.items():
        op.create_check_constraint(name, _TABLE, condition)


def downgrade() -> None:
    for name in _CHECKS:
        op.drop_constraint(name, _TABLE, type_="check")
    for column in ("api_version", "pinned_at", "previous_version", "upgraded_at"):
        op.drop_column(_TABLE, column)
