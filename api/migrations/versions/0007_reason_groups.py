"""Assessments keep what each group of reasons adds to the margin, measured against the typical claim."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column(
        "assessments",
        sa.Column(
            "typical_margin",
            sa.Double(),
            nullable=True,
            comment="Log-odds of the typical claim; with the pushes of the groups it sums to the margin.",
        ),
    )
    op.add_column("assessments", sa.Column("groups", postgresql.JSONB(astext_type=sa.Text()), nullable=True))


def downgrade() -> None:
    op.drop_column("assessments", "groups")
    op.drop_column("assessments", "typical_margin")
