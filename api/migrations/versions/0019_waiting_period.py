"""The waiting period of a plan."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"

_CHECK = "plan_cost_sharing_waiting_check"


def upgrade() -> None:
    op.add_column(
        "plan_cost_sharing",
        sa.Column(
            "waiting_days",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="From enrollment; not covered yet.",
        ),
    )
    op.create_check_constraint(_CHECK, "plan_cost_sharing", "waiting_days BETWEEN 0 AND 3650")


def downgrade() -> None:
    op.drop_constraint(_CHECK, "plan_cost_sharing", type_="check")
    op.drop_column("plan_cost_sharing", "waiting_days")
