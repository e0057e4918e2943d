"""Legal holds on members, whose identity a stored reply shows, and the last run of retention for each kind of data."""

import sqlalchemy as sa
from alembic import op

revision = "0062"
down_revision = "0061"


def upgrade() -> None:
    op.add_column(
        "idempotency_keys",
        sa.Column(
            "identity_of",
            sa.Text(),
            nullable=True,
            comment="The member whose identity the reply shows: an erasure deletes it.",
        ),
    )
    op.create_table(
        "legal_holds",
        sa.Column("hold_id", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("case_number", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False, comment="Whom to ask for a release."),
        sa.Column("last_day", sa.Date(), nullable=True, comment="In force up to this day; null: until it is released."),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False, comment="Id of the key or user."),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("released_by", sa.Text(), nullable=True),
        sa.Column("release_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "num_nonnulls(released_at, released_by, release_reason) IN (0, 3)", name="legal_holds_released_check"
        ),
        sa.PrimaryKeyConstraint("hold_id", name="legal_holds_pkey"),
    )
    op.create_index(
        "legal_holds_open_idx", "legal_holds", ["member_id"], postgresql_where=sa.text("released_at IS NULL")
    )
    op.create_index("legal_holds_added_at_hold_id_idx", "legal_holds", ["added_at", "hold_id"])
    op.create_table(
        "retention_runs",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False, comment="Rows that were due on this day were removed."),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed", sa.BigInteger(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False, comment="False: rows were left for the next run."),
        sa.PrimaryKeyConstraint("kind", name="retention_runs_pkey"),
    )


def downgrade() -> None:
    op.drop_table("retention_runs")
    op.drop_table("legal_holds")
    op.drop_column("idempotency_keys", "identity_of")
