"""A claim on a weekly list has the expected recovery that it was selected by. Null for earlier lists."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

COLUMNS = {
    "expected_recovery_cents": "Expected recovery less the cost of the review, when the list was made.",
    "recovery_low_cents": "Lower end of its 90 % interval.",
    "recovery_high_cents": "Upper end of its 90 % interval.",
}


def upgrade() -> None:
    for name, comment in COLUMNS.items():
        op.add_column("selections", sa.Column(name, sa.BigInteger(), nullable=True, comment=comment))


def downgrade() -> None:
    """Drops the expected recovery of every list."""
    for name in COLUMNS:
        op.drop_column("selections", name)
