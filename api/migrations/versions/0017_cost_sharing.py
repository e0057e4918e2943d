"""Cost sharing of plans, fee schedules and contracts, and the payment of a claim line by line."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"

_KINDS = ("mue", "ptp", "leie", "hcpcs", "icd10")
_CHECK = "code_table_imports_kind_check"


def upgrade() -> None:
    op.create_table(
        "plan_cost_sharing",
        sa.Column("plan_id", sa.Text(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=True, comment="Null: until the next terms of the plan begin."),
        sa.Column(
            "deductible_cents",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="Of a member in a plan year.",
        ),
        sa.Column("copay_cents", sa.BigInteger(), server_default="0", nullable=False, comment="Of a claim."),
        sa.Column(
            "coinsurance_share",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="The member's, in hundredths of a per cent.",
        ),
        sa.Column(
            "out_of_pocket_cents", sa.BigInteger(), nullable=True, comment="Most in a plan year; null: no maximum."
        ),
        sa.Column("year_begins_month", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("last_day >= first_day", name="plan_cost_sharing_days_check"),
        sa.CheckConstraint(
            "deductible_cents >= 0 AND copay_cents >= 0 AND out_of_pocket_cents >= 0",
            name="plan_cost_sharing_amounts_check",
        ),
        sa.CheckConstraint("coinsurance_share BETWEEN 0 AND 10000", name="plan_cost_sharing_share_check"),
        sa.CheckConstraint("year_begins_month BETWEEN 1 AND 12", name="plan_cost_sharing_month_check"),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.plan_id"], name="plan_cost_sharing_plan_id_fkey"),
        sa.PrimaryKeyConstraint("plan_id", "first_day", name="plan_cost_sharing_pkey"),
    )
    op.add_column(
        "claims",
        sa.Column(
            "payment",
            postgresql.JSONB(),
            nullable=True,
            comment="The payment line by line; null: the plan had no cost sharing, and no other payer paid.",
        ),
    )
    op.add_column(
        "claims",
        sa.Column(
            "deductible_cents",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="What the claim counts towards the member's deductible; 0 unless it is paid.",
        ),
    )
    op.add_column(
        "claims",
        sa.Column(
            "out_of_pocket_cents",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="What it counts towards the out-of-pocket maximum; 0 unless it is paid.",
        ),
    )
    op.create_check_constraint(
        "claims_cost_shared_check",
        "claims",
        "deductible_cents >= 0 AND out_of_pocket_cents >= 0 AND (deductible_cents + out_of_pocket_cents = 0 OR "
        "(payment IS NOT NULL AND status IN ('approved', 'partially_approved')))",
    )
    op.drop_constraint(_CHECK, "code_table_imports")
    op.create_check_constraint(_CHECK, "code_table_imports", f"kind IN {(*_KINDS, 'fees', 'contracts')}")


def downgrade() -> None:
    """Drops the terms of every plan, the payment of every claim line by line, and every fee schedule and contract."""
    for table in ("code_table_entries", "code_table_imports"):
        op.execute(
            f"DELETE FROM {table} WHERE import_id IN "
            "(SELECT import_id FROM code_table_imports WHERE kind IN ('fees', 'contracts'))"
        )
    op.drop_constraint(_CHECK, "code_table_imports")
    op.create_check_constraint(_CHECK, "code_table_imports", f"kind IN {_KINDS}")
    op.drop_constraint("claims_cost_shared_check", "claims")
    for column in ("out_of_pocket_cents", "deductible_cents", "payment"):
        op.drop_column("claims", column)
    op.drop_table("plan_cost_sharing")
