"""Which user a person at an identity provider is."""

import sqlalchemy as sa
from alembic import op

revision = "0064"
down_revision = "0063"


def upgrade() -> None:
    op.create_table(
        "user_identities",
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.user_id"], name="user_identities_user_id_fkey"),
        sa.PrimaryKeyConstraint("issuer", "subject", name="user_identities_pkey"),
        sa.UniqueConstraint("user_id", "issuer", name="user_identities_user_id_issuer_key"),
    )


def downgrade() -> None:
    op.drop_table("user_identities")
