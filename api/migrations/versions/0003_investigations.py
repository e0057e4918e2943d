"""The weeks' lists of the investigators, and what they find."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "selections",
        sa.Column("claim_id", sa.Text(), nullable=False),
        sa.Column(
            "week", sa.Date(), nullable=False, comment="The Monday of the week in which the claims were received."
        ),
        sa.Column("selected_by", sa.Text(), nullable=False, comment="'score', or 'audit': drawn at random."),
        sa.Column("propensity", sa.Double(), nullable=False, comment="The chance to be selected, given the scores."),
        sa.Column("probability", sa.Double(), nullable=False, comment="What the model said then."),
        sa.Column("model_version", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("selected_by IN ('score', 'audit')", name="selections_selected_by_check"),
        sa.CheckConstraint("propensity > 0 AND propensity <= 1", name="selections_propensity_check"),
        sa.CheckConstraint("selected_by = 'audit' OR propensity = 1", name="selections_score_check"),
        sa.ForeignKeyConstraint(["claim_id"], ["claims.claim_id"], name="selections_claim_id_fkey"),
        sa.PrimaryKeyConstraint("claim_id", name="selections_pkey"),
    )
    op.create_index("selections_week_idx", "selections", ["week"])
    op.create_table(
        "dispositions",
        sa.Column("claim_id", sa.Text(), nullable=False),
        sa.Column(
            "known_at", sa.DateTime(timezone=True), nullable=False, comment="When it was recorded; never earlier."
        ),
        sa.Column("disposition", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=True, comment="Of a confirmed fraud."),
        sa.Column("amount_recovered_cents", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "disposition IN ('confirmed', 'cleared', 'inconclusive')", name="dispositions_disposition_check"
        ),
        sa.CheckConstraint(
            "amount_recovered_cents >= 0 AND (amount_recovered_cents = 0 OR disposition = 'confirmed')",
            name="dispositions_amount_recovered_cents_check",
        ),
        sa.CheckConstraint("kind IS NULL OR disposition = 'confirmed'", name="dispositions_kind_check"),
        sa.ForeignKeyConstraint(["claim_id"], ["claims.claim_id"], name="dispositions_claim_id_fkey"),
        sa.PrimaryKeyConstraint("claim_id", "known_at", name="dispositions_pkey"),
    )
    op.create_index("dispositions_known_at_idx", "dispositions", ["known_at"])
    for table in ("selections", "dispositions"):
        op.execute(
            f"""
            CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
            """
        )


def downgrade() -> None:
    op.drop_table("dispositions")
    op.drop_table("selections")
