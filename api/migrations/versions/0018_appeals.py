"""Appeals against decisions, their outcomes, and edits that are suspended because of them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.create_table(
        "appeals",
        sa.Column("appeal_id", sa.Text(), nullable=False),
        sa.Column("claim_id", sa.Text(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False, comment="Of the claim's appeals, from 1."),
        sa.Column("filed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("appellant", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False, comment="In the appellant's words, without a member's name."),
        sa.Column(
            "documents",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="Name, media type and SHA-256 of each; the documents themselves are kept elsewhere.",
        ),
        sa.Column("due_on", sa.Date(), nullable=False, comment="The day by which it is decided."),
        sa.Column("status", sa.Text(), nullable=False, comment="Of the claim when it was appealed."),
        sa.Column(
            "decision_id", sa.Text(), nullable=True, comment="The decision appealed; null: one without a person."
        ),
        sa.Column(
            "caused_by",
            postgresql.ARRAY(sa.Text()),
            nullable=False,
            comment="Codes of the findings that caused the decision.",
        ),
        sa.Column("api_key_id", sa.Text(), nullable=False),
        sa.Column("filed_by", sa.Text(), nullable=False, comment="The key's name, as of then."),
        sa.CheckConstraint("appellant IN ('provider', 'member')", name="appeals_appellant_check"),
        sa.CheckConstraint("status IN ('denied', 'partially_approved', 'rejected')", name="appeals_status_check"),
        sa.ForeignKeyConstraint(["claim_id"], ["claims.claim_id"], name="appeals_claim_id_fkey"),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.decision_id"], name="appeals_decision_id_fkey"),
        sa.PrimaryKeyConstraint("appeal_id", name="appeals_pkey"),
    )
    op.create_index("appeals_claim_id_level_key", "appeals", ["claim_id", "level"], unique=True)
    op.create_index("appeals_due_on_appeal_id_idx", "appeals", ["due_on", "appeal_id"])
    op.create_table(
        "appeal_decisions",
        sa.Column("appeal_id", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("approved_cents", sa.BigInteger(), nullable=False, comment="Of the claim afterwards."),
        sa.Column(
            "decision_id",
            sa.Text(),
            nullable=True,
            comment="The decision that it led to; null: the first one stands.",
        ),
        sa.Column("api_key_id", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False, comment="The key's name, as of then."),
        sa.Column("role", sa.Text(), nullable=False, comment="The key's role, as of then."),
        sa.CheckConstraint(
            "outcome IN ('upheld', 'overturned', 'partly_overturned')", name="appeal_decisions_outcome_check"
        ),
        sa.CheckConstraint("(outcome = 'upheld') = (decision_id IS NULL)", name="appeal_decisions_decision_check"),
        sa.ForeignKeyConstraint(["appeal_id"], ["appeals.appeal_id"], name="appeal_decisions_appeal_id_fkey"),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.decision_id"], name="appeal_decisions_decision_id_fkey"),
        sa.PrimaryKeyConstraint("appeal_id", name="appeal_decisions_pkey"),
    )
    op.create_table(
        "edit_suspensions",
        sa.Column("suspension_id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("edit", sa.Text(), nullable=False, comment="Code of its finding."),
        sa.Column("suspended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided", sa.Integer(), nullable=False, comment="Appeals decided by then."),
        sa.Column("overturned", sa.Integer(), nullable=False, comment="Of these, overturned at least partly."),
        sa.Column("limit_percent", sa.Integer(), nullable=False, comment="The limit that was passed."),
        sa.Column("appeal_id", sa.Text(), nullable=False, comment="The appeal that passed it."),
        sa.Column("resumed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resumed_by", sa.Text(), nullable=True),
        sa.Column("resume_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(resumed_at IS NULL) = (resumed_by IS NULL) AND (resumed_at IS NULL) = (resume_reason IS NULL)",
            name="edit_suspensions_resumed_check",
        ),
        sa.ForeignKeyConstraint(["appeal_id"], ["appeals.appeal_id"], name="edit_suspensions_appeal_id_fkey"),
        sa.PrimaryKeyConstraint("suspension_id", name="edit_suspensions_pkey"),
    )
    op.create_index(
        "edit_suspensions_open_key",
        "edit_suspensions",
        ["edit"],
        unique=True,
        postgresql_where="resumed_at IS NULL",
    )
    for table in ("appeals", "appeal_decisions"):
        op.execute(
            f"""
            CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
            """
        )


def downgrade() -> None:
    """Drops every appeal, its outcome, and every suspension of an edit."""
    for table in ("edit_suspensions", "appeal_decisions", "appeals"):
        op.drop_table(table)
