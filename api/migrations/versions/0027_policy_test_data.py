"""What each test of a policy replayed: data set, days, scores and capacity."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"

_ADDED = ("dataset", "scored", "first_day", "last_day", "capacity")


def upgrade() -> None:
    op.add_column(
        "policy_tests",
        sa.Column(
            "dataset",
            sa.Text(),
            nullable=True,
            comment="Whose claims were replayed; null: stored before tests stated it, no activation rests on it.",
        ),
    )
    op.add_column("policy_tests", sa.Column("scored", sa.Integer(), nullable=True, comment="Claims with a score."))
    op.add_column("policy_tests", sa.Column("first_day", sa.Date(), nullable=True, comment="Of the claims."))
    op.add_column("policy_tests", sa.Column("last_day", sa.Date(), nullable=True))
    op.add_column(
        "policy_tests",
        sa.Column("capacity", sa.Float(), nullable=True, comment="Reviews per week; null: 1 % of the claims."),
    )


def downgrade() -> None:
    """Drops what each test replayed."""
    for column in _ADDED:
        op.drop_column("policy_tests", column)
