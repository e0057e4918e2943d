"""The day on which a claim was received, which can be before the day of its place in the order of claims."""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"


def upgrade() -> None:
    """Claims that have a row already keep the day of `received_at`."""
    comment = "Day of receipt where the insurer is: when it was accepted; null: that of received_at."
    op.add_column("claims", sa.Column("received_on", sa.Date(), nullable=True, comment=comment))


def downgrade() -> None:
    op.drop_column("claims", "received_on")
