"""Leads: claims that need a person, by subject and ranked; and views of the queue that a person saved."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0085"
down_revision = "0084"

_SEES = "coalesce(current_setting('ginja.sees', true), ginja_no_caller())"
_ALL = f"(SELECT nullif({_SEES} = 'all', false)) IS NOT NULL"
_ACTOR = "Id of the key or user."
_SOURCES = "source IN ('appeal', 'audit', 'score', 'edits', 'rescreening')"


def upgrade() -> None:
    op.create_table(
        "leads",
        sa.Column("lead_id", sa.Text(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column(
            "week", sa.Date(), nullable=True, comment="The Monday on which it was ranked last; null: not ranked yet."
        ),
        sa.Column("rank", sa.Integer(), nullable=True, comment="Its place of that Monday, from 1."),
        sa.Column("listed", sa.Boolean(), nullable=False, comment="Whether its rank is within the week's capacity."),
        sa.Column("claims", sa.Integer(), nullable=False),
        sa.Column("scored", sa.Integer(), nullable=False, comment="Claims with a score."),
        sa.Column(
            "expected_cents",
            sa.BigInteger(),
            nullable=True,
            comment="Expected recoverable, the sum over claims with a score.",
        ),
        sa.Column("low_cents", sa.BigInteger(), nullable=True, comment="Lower end of its 90 % interval."),
        sa.Column("high_cents", sa.BigInteger(), nullable=True, comment="Upper end of its 90 % interval."),
        sa.Column("paid_cents", sa.BigInteger(), nullable=False),
        sa.Column("unpaid_cents", sa.BigInteger(), nullable=False),
        sa.Column("probability", sa.Double(), nullable=True, comment="The highest of its claims."),
        sa.Column("indicators", ARRAY(sa.Text()), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("assigned_to", sa.Text(), nullable=True, comment=_ACTOR),
        sa.Column("assigned_name", sa.Text(), nullable=True),
        sa.Column("assigned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("snoozed_until", sa.Date(), nullable=True),
        sa.Column("snooze_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("subject_kind IN ('provider', 'member', 'claim')", name="leads_subject_kind_check"),
        sa.CheckConstraint(_SOURCES, name="leads_source_check"),
        sa.CheckConstraint("status IN ('open', 'snoozed', 'closed')", name="leads_status_check"),
        sa.CheckConstraint(
            "snooze_reason IN ('awaiting_records', 'awaiting_provider', 'awaiting_other_case', 'no_capacity')",
            name="leads_snooze_reason_check",
        ),
        sa.CheckConstraint(
            "num_nonnulls(assigned_to, assigned_name, assigned_at) IN (0, 3)", name="leads_assigned_check"
        ),
        sa.CheckConstraint(
            "num_nonnulls(snoozed_until, snooze_reason) IN (0, 2) "
            "AND (status = 'snoozed') = (snoozed_until IS NOT NULL)",
            name="leads_snoozed_check",
        ),
        sa.CheckConstraint("(status = 'closed') = (closed_at IS NOT NULL)", name="leads_closed_check"),
        sa.PrimaryKeyConstraint("lead_id", name="leads_pkey"),
    )
    op.create_index(
        "leads_open_subject_idx",
        "leads",
        ["subject_kind", "subject_id"],
        unique=True,
        postgresql_where=sa.text("status <> 'closed'"),
    )
    op.create_index("leads_expected_idx", "leads", ["status", "expected_cents", "lead_id"])
    op.create_index(
        "leads_assigned_to_idx",
        "leads",
        ["assigned_to", "status"],
        postgresql_where=sa.text("assigned_to IS NOT NULL"),
    )
    op.create_index("leads_closed_at_idx", "leads", ["closed_at"], postgresql_where=sa.text("status = 'closed'"))
    op.create_table(
        "lead_claims",
        sa.Column("lead_id", sa.Text(), nullable=False),
        sa.Column("claim_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "done_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When it needed no one any more, or moved to another lead.",
        ),
        sa.CheckConstraint(_SOURCES, name="lead_claims_source_check"),
        sa.ForeignKeyConstraint(["lead_id"], ["leads.lead_id"], name="lead_claims_lead_id_fkey"),
        sa.PrimaryKeyConstraint("lead_id", "claim_id", name="lead_claims_pkey"),
    )
    op.create_index(
        "lead_claims_open_idx", "lead_claims", ["claim_id"], unique=True, postgresql_where=sa.text("done_at IS NULL")
    )
    op.create_table(
        "saved_views",
        sa.Column("view_id", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Text(), nullable=False, comment=_ACTOR),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False, comment="Of the address of the queue."),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("view_id", name="saved_views_pkey"),
    )
    op.create_index("saved_views_actor_id_name_key", "saved_views", ["actor_id", "name"], unique=True)
    for table in ("leads", "lead_claims", "saved_views"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY seen ON {table} USING ({_ALL})")


def downgrade() -> None:
    op.drop_table("saved_views")
    op.drop_table("lead_claims")
    op.drop_table("leads")
