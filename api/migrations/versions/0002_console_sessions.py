"""Sessions of the investigators' console."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "console_sessions",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("api_key_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["api_key_id"], ["api_keys.api_key_id"], name="console_sessions_api_key_id_fkey"),
        sa.PrimaryKeyConstraint("token_hash", name="console_sessions_pkey"),
    )
    op.create_index("console_sessions_expires_at_idx", "console_sessions", ["expires_at"])


def downgrade() -> None:
    op.drop_table("console_sessions")
