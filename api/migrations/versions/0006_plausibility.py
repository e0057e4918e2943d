"""Reference statistics of prices and units; how suspicions and service days follow a claim."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "reference_statistics",
        sa.Column("procedure_code", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False, comment="Provider or region; empty for all providers."),
        sa.Column(
            "principal",
            sa.Boolean(),
            nullable=False,
            comment="False: lines that accompany a dearer line of their claim.",
        ),
        sa.Column("claims", sa.Integer(), nullable=False),
        sa.Column("median_cents", sa.Double(), nullable=False, comment="Median amount per unit."),
        sa.Column("log_spread", sa.Double(), nullable=False, comment="MAD of the log amount per unit, times 1.4826."),
        sa.Column("high_units", sa.Double(), nullable=False, comment="99 % of the claims have at most so many units."),
        sa.Column("as_of", sa.Date(), nullable=False, comment="The year before this day counts."),
        sa.CheckConstraint(
            "scope IN ('provider', 'region', 'procedure', 'history')", name="reference_statistics_scope_check"
        ),
        sa.PrimaryKeyConstraint("procedure_code", "scope", "entity", "principal", name="reference_statistics_pkey"),
    )


def downgrade() -> None:
    op.drop_table("reference_statistics")
