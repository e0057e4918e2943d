"""Plans and claims have a line of business and a state; a claim has its prompt-pay due date."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column(
        "plans",
        sa.Column("line_of_business", sa.Text(), nullable=True, comment="Of the prompt-pay rules; null: no clock."),
    )
    op.add_column(
        "plans", sa.Column("state_code", sa.Text(), nullable=True, comment="The state whose prompt-pay law applies.")
    )
    op.create_check_constraint(
        "plans_line_of_business_check",
        "plans",
        "line_of_business IN ('commercial', 'marketplace', 'medicaid', 'medicare')",
    )
    op.create_check_constraint("plans_state_code_check", "plans", "state_code ~ '^[A-Z]{2}$'")
    for name in ("line_of_business", "state_code"):
        op.add_column("claims", sa.Column(name, sa.Text(), nullable=True, comment="Of the member's plan at receipt."))
    op.add_column(
        "claims", sa.Column("pay_by", sa.Date(), nullable=True, comment="Prompt-pay due date; null: no clock.")
    )
    op.drop_index("claims_in_review_idx", "claims")
    op.create_index(
        "claims_in_review_idx",
        "claims",
        [
            sa.text("COALESCE(pay_by, (received_at AT TIME ZONE 'UTC')::date + 30)"),
            "received_at",
            "claim_id",
        ],
        postgresql_where=sa.text("status = 'in_review'"),
    )


def downgrade() -> None:
    """Drops the lines of business, states and due dates."""
    op.drop_index("claims_in_review_idx", "claims")
    op.create_index(
        "claims_in_review_idx",
        "claims",
        ["received_at", "claim_id"],
        postgresql_where=sa.text("status = 'in_review'"),
    )
    for name in ("pay_by", "state_code", "line_of_business"):
        op.drop_column("claims", name)
    op.drop_constraint("plans_state_code_check", "plans")
    op.drop_constraint("plans_line_of_business_check", "plans")
    for name in ("state_code", "line_of_business"):
        op.drop_column("plans", name)
