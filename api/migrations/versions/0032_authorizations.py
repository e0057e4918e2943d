"""Prior authorization: what plans require it for, authorizations of members, and what claims use of them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0032"
down_revision = "0030"


def upgrade() -> None:
    op.create_table(
        "plan_authorizations",
        sa.Column("plan_id", sa.Text(), nullable=False),
        sa.Column(
            "place", sa.Integer(), autoincrement=False, nullable=False, comment="Among those of the plan, from 1."
        ),
        sa.Column("first_code", sa.Text(), nullable=False),
        sa.Column("last_code", sa.Text(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=True, comment="Null: without end."),
        sa.Column(
            "places",
            postgresql.ARRAY(sa.Text()),
            server_default="{}",
            nullable=False,
            comment="CMS places of service; none: everywhere.",
        ),
        sa.Column("above_cents", sa.BigInteger(), nullable=True, comment="Of these lines together; null: any amount."),
        sa.CheckConstraint("last_day >= first_day", name="plan_authorizations_days_check"),
        sa.CheckConstraint(
            'length(first_code) = length(last_code) AND first_code COLLATE "C" <= last_code COLLATE "C"',
            name="plan_authorizations_codes_check",
        ),
        sa.CheckConstraint("above_cents >= 0", name="plan_authorizations_above_cents_check"),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.plan_id"], name="plan_authorizations_plan_id_fkey"),
        sa.PrimaryKeyConstraint("plan_id", "place", name="plan_authorizations_pkey"),
    )
    op.create_table(
        "authorizations",
        sa.Column("authorization_number", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Text(), nullable=True, comment="Null: any provider."),
        sa.Column(
            "procedures",
            postgresql.ARRAY(sa.Text()),
            nullable=False,
            comment="Codes, and ranges such as 97110..97140.",
        ),
        sa.Column("units", sa.Integer(), nullable=True, comment="Most units or visits; null: no limit."),
        sa.Column("counts", sa.Text(), server_default="units", nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=True, comment="Null: without end."),
        sa.Column("state", sa.Text(), nullable=False),
        sa.CheckConstraint("last_day >= first_day", name="authorizations_days_check"),
        sa.CheckConstraint("units >= 1", name="authorizations_units_check"),
        sa.CheckConstraint("cardinality(procedures) >= 1", name="authorizations_procedures_check"),
        sa.CheckConstraint("counts IN ('units', 'visits')", name="authorizations_counts_check"),
        sa.CheckConstraint(
            "state IN ('pending', 'approved', 'denied', 'cancelled')", name="authorizations_state_check"
        ),
        sa.ForeignKeyConstraint(["member_id"], ["members.member_id"], name="authorizations_member_id_fkey"),
        sa.PrimaryKeyConstraint("authorization_number", name="authorizations_pkey"),
    )
    op.create_index(
        "authorizations_member_id_authorization_number_idx", "authorizations", ["member_id", "authorization_number"]
    )
    op.execute(
        """
        CREATE TRIGGER authorizations_history AFTER UPDATE ON authorizations
        FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION keep_state('authorization_number')
        """
    )
    op.add_column(
        "claims",
        sa.Column(
            "authorization_number", sa.Text(), nullable=True, comment="Of the prior authorization, as it was sent."
        ),
    )
    op.add_column(
        "claims",
        sa.Column(
            "authorized_units",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="Units or visits of it that the claim uses while it is paid or in review.",
        ),
    )
    op.create_check_constraint("claims_authorized_units_check", "claims", "authorized_units >= 0")
    op.create_index(
        "claims_authorization_number_idx",
        "claims",
        ["authorization_number"],
        postgresql_where="authorization_number IS NOT NULL",
    )


def downgrade() -> None:
    """Drops every requirement and authorization, and what claims used of them."""
    op.drop_index("claims_authorization_number_idx", "claims")
    op.drop_constraint("claims_authorized_units_check", "claims", type_="check")
    op.drop_column("claims", "authorized_units")
    op.drop_column("claims", "authorization_number")
    op.drop_table("authorizations")
    op.drop_table("plan_authorizations")
