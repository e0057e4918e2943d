"""The champions that served, for the event that another model serves."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    op.create_table(
        "serving_models",
        sa.Column("serving_id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("model_version", sa.Text(), nullable=False),
        sa.Column(
            "seen_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When a worker found that it serves.",
        ),
        sa.PrimaryKeyConstraint("serving_id", name="serving_models_pkey"),
    )


def downgrade() -> None:
    op.drop_table("serving_models")
