"""Emergency access: another role of a user for a limited time."""

import sqlalchemy as sa
from alembic import op

revision = "0065"
down_revision = "0064"

_ROLES = ("admin", "insurer", "investigator", "lead_investigator", "data_scientist", "operator")


def upgrade() -> None:
    op.add_column(
        "users", sa.Column("emergency_role", sa.Text(), nullable=True, comment="Of emergency access; null: none.")
    )
    op.add_column("users", sa.Column("emergency_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("users", sa.Column("emergency_reason", sa.Text(), nullable=True))
    op.create_check_constraint("users_emergency_role_check", "users", f"emergency_role IN {_ROLES}")
    op.create_check_constraint(
        "users_emergency_check",
        "users",
        "num_nulls(emergency_role, emergency_until, emergency_reason) IN (0, 3)",
    )


def downgrade() -> None:
    op.drop_constraint("users_emergency_check", "users")
    op.drop_constraint("users_emergency_role_check", "users")
    for column in ("emergency_reason", "emergency_until", "emergency_role"):
        op.drop_column("users", column)
