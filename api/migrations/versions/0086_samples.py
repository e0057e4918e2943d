"""Random samples of a case's paid claims, and the append-only ledger of what was demanded."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0086"
down_revision = "0085"

_SEES = "coalesce(current_setting('ginja.sees', true), ginja_no_caller())"
_ALL = f"(SELECT nullif({_SEES} = 'all', false)) IS NOT NULL"
_ACTOR = "Id of the key or user."
_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "samples",
        sa.Column("sample_id", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Text(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column(
            "boundaries_cents", ARRAY(sa.BigInteger()), nullable=False, comment="Lowest amounts of further strata."
        ),
        sa.Column("frame_sha256", sa.Text(), nullable=False),
        sa.Column("frame_units", sa.Integer(), nullable=False),
        sa.Column("frame_cents", sa.BigInteger(), nullable=False),
        sa.Column(
            "frame",
            sa.Text(),
            nullable=False,
            comment="Canonical text: stratum, claim and paid cents of each claim.",
        ),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("seed", sa.Text(), nullable=False),
        sa.Column("strata", JSONB(), nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False, comment=_ACTOR),
        sa.Column("estimate", JSONB(), nullable=True, comment="Null: the review is not complete."),
        sa.Column("fixed_at", _INSTANT, nullable=True),
        sa.Column("fixed_by", sa.Text(), nullable=True, comment=_ACTOR),
        sa.CheckConstraint("last_day >= first_day", name="samples_days_check"),
        sa.CheckConstraint("num_nonnulls(estimate, fixed_at, fixed_by) IN (0, 3)", name="samples_fixed_check"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name="samples_case_id_fkey"),
        sa.PrimaryKeyConstraint("sample_id", name="samples_pkey"),
    )
    op.create_index("samples_case_id_created_at_idx", "samples", ["case_id", "created_at"])
    op.create_table(
        "sample_items",
        sa.Column("sample_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("claim_id", sa.Text(), nullable=False),
        sa.Column("stratum", sa.Text(), nullable=False),
        sa.Column("paid_cents", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False, comment="SHA-256 that it was drawn by, in hexadecimal digits."),
        sa.Column("correct_cents", sa.BigInteger(), nullable=True, comment="Null: not reviewed."),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("reviewed_at", _INSTANT, nullable=True),
        sa.Column("reviewed_by", sa.Text(), nullable=True, comment=_ACTOR),
        sa.CheckConstraint(
            "reason IN ('correct', 'not_documented', 'not_necessary', 'not_covered', 'not_rendered', 'wrong_code', "
            "'duplicate', 'pricing', 'underpaid')",
            name="sample_items_reason_check",
        ),
        sa.CheckConstraint("correct_cents >= 0", name="sample_items_correct_check"),
        sa.CheckConstraint(
            "num_nonnulls(correct_cents, reason, reviewed_at, reviewed_by) IN (0, 4)",
            name="sample_items_reviewed_check",
        ),
        sa.ForeignKeyConstraint(["sample_id"], ["samples.sample_id"], name="sample_items_sample_id_fkey"),
        sa.PrimaryKeyConstraint("sample_id", "position", name="sample_items_pkey"),
    )
    op.create_index("sample_items_sample_id_claim_id_idx", "sample_items", ["sample_id", "claim_id"], unique=True)
    op.create_index("sample_items_claim_id_idx", "sample_items", ["claim_id"])
    op.create_table(
        "recoupments",
        sa.Column("recoupment_id", sa.Text(), nullable=False),
        sa.Column("sample_id", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Text(), nullable=False),
        sa.Column("demanded_cents", sa.BigInteger(), nullable=False),
        sa.Column("demanded_at", _INSTANT, nullable=False),
        sa.Column("demanded_by", sa.Text(), nullable=False, comment=_ACTOR),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("appeal_until", sa.Date(), nullable=False),
        sa.CheckConstraint("demanded_cents > 0", name="recoupments_demanded_check"),
        sa.ForeignKeyConstraint(["sample_id"], ["samples.sample_id"], name="recoupments_sample_id_fkey"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name="recoupments_case_id_fkey"),
        sa.PrimaryKeyConstraint("recoupment_id", name="recoupments_pkey"),
    )
    op.create_index("recoupments_sample_id_idx", "recoupments", ["sample_id"], unique=True)
    op.create_index("recoupments_case_id_demanded_at_idx", "recoupments", ["case_id", "demanded_at"])
    op.create_index("recoupments_provider_id_demanded_at_idx", "recoupments", ["provider_id", "demanded_at"])
    op.create_table(
        "recoupment_entries",
        sa.Column("recoupment_id", sa.Text(), nullable=False),
        sa.Column("entry_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
        sa.Column("by", sa.Text(), nullable=False, comment=_ACTOR),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("balance_cents", sa.BigInteger(), nullable=False, comment="After this line."),
        sa.Column("claims", JSONB(), nullable=False, comment="Of received money: cents by claim."),
        sa.CheckConstraint(
            "kind IN ('demanded', 'appealed', 'reduced', 'received', 'written_off')",
            name="recoupment_entries_kind_check",
        ),
        sa.CheckConstraint("amount_cents > 0", name="recoupment_entries_amount_check"),
        sa.CheckConstraint("balance_cents >= 0", name="recoupment_entries_balance_check"),
        sa.ForeignKeyConstraint(
            ["recoupment_id"], ["recoupments.recoupment_id"], name="recoupment_entries_recoupment_id_fkey"
        ),
        sa.PrimaryKeyConstraint("recoupment_id", "entry_no", name="recoupment_entries_pkey"),
    )
    op.execute(
        """
        CREATE TRIGGER recoupment_entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON recoupment_entries
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
        """
    )
    for table in ("samples", "sample_items", "recoupments", "recoupment_entries"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY seen ON {table} USING ({_ALL})")


def downgrade() -> None:
    op.drop_table("recoupment_entries")
    op.drop_table("recoupments")
    op.drop_table("sample_items")
    op.drop_table("samples")
