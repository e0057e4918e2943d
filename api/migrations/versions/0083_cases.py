"""Cases: investigations of a provider, a member or a ring of providers, with their claims and append-only history."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0083"
down_revision = "0082"

_SEES = "coalesce(current_setting('ginja.sees', true), ginja_no_caller())"
_ALL = f"(SELECT nullif({_SEES} = 'all', false)) IS NOT NULL"
_ACTOR = "Id of the key or user."


def upgrade() -> None:
    op.create_table(
        "cases",
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("provider_ids", JSONB(), nullable=False, comment="Of a ring: its providers."),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("detection", sa.Text(), nullable=False),
        sa.Column("detected_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_by", sa.Text(), nullable=False, comment=_ACTOR),
        sa.Column("assigned_to", sa.Text(), nullable=True, comment=_ACTOR),
        sa.Column("assigned_name", sa.Text(), nullable=True),
        sa.Column("disposition", sa.Text(), nullable=True, comment="Of an open case: what is proposed."),
        sa.Column("loss_cents", sa.BigInteger(), nullable=True),
        sa.Column("loss_method", sa.Text(), nullable=True),
        sa.Column(
            "findings", JSONB(), nullable=False, comment="Dispositions of claims, recorded when the case closes."
        ),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("proposed_by", sa.Text(), nullable=True, comment=_ACTOR),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True, comment=_ACTOR),
        sa.Column("version", sa.Integer(), nullable=False, comment="Number of its last event."),
        sa.CheckConstraint("subject_kind IN ('provider', 'member', 'ring')", name="cases_subject_kind_check"),
        sa.CheckConstraint("status IN ('open', 'closed')", name="cases_status_check"),
        sa.CheckConstraint(
            "detection IN ('score', 'edit', 'policy', 'audit_sample', 'appeal', 'referral', 'manual')",
            name="cases_detection_check",
        ),
        sa.CheckConstraint(
            "disposition IN ('substantiated_fraud', 'waste', 'abuse', 'billing_error', 'unsubstantiated', "
            "'inconclusive')",
            name="cases_disposition_check",
        ),
        sa.CheckConstraint(
            "loss_method IN ('claim_review', 'sample', 'estimate', 'none')", name="cases_loss_method_check"
        ),
        sa.CheckConstraint("loss_cents >= 0", name="cases_loss_check"),
        sa.CheckConstraint("num_nonnulls(assigned_to, assigned_name) IN (0, 2)", name="cases_assigned_check"),
        sa.CheckConstraint(
            "num_nonnulls(disposition, loss_cents, loss_method, proposed_at, proposed_by) IN (0, 5)",
            name="cases_proposed_check",
        ),
        sa.CheckConstraint(
            "num_nonnulls(closed_at, closed_by) IN (0, 2) AND (status = 'closed') = (closed_at IS NOT NULL) "
            "AND (status = 'open' OR disposition IS NOT NULL)",
            name="cases_closed_check",
        ),
        sa.PrimaryKeyConstraint("case_id", name="cases_pkey"),
    )
    op.create_index(
        "cases_open_subject_idx",
        "cases",
        ["subject_kind", "subject_id"],
        unique=True,
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_index("cases_subject_kind_subject_id_opened_at_idx", "cases", ["subject_kind", "subject_id", "opened_at"])
    op.create_index("cases_status_opened_at_case_id_idx", "cases", ["status", "opened_at", "case_id"])
    op.create_index("cases_assigned_to_status_opened_at_idx", "cases", ["assigned_to", "status", "opened_at"])
    op.create_table(
        "case_claims",
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("claim_id", sa.Text(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False, comment=_ACTOR),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name="case_claims_case_id_fkey"),
        sa.PrimaryKeyConstraint("case_id", "claim_id", name="case_claims_pkey"),
    )
    op.create_index("case_claims_claim_id_idx", "case_claims", ["claim_id"])
    op.create_table(
        "case_events",
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("event_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_id", sa.Text(), nullable=False, comment=_ACTOR),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("details", JSONB(), nullable=False, comment="Ids, codes, days and amounts."),
        sa.Column(
            "text_sealed",
            sa.LargeBinary(),
            nullable=True,
            comment="What a person wrote, encrypted with a data key.",
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name="case_events_case_id_fkey"),
        sa.PrimaryKeyConstraint("case_id", "event_no", name="case_events_pkey"),
    )
    op.execute(
        """
        CREATE TRIGGER case_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON case_events
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
        """
    )
    for table in ("cases", "case_claims", "case_events"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY seen ON {table} USING ({_ALL})")


def downgrade() -> None:
    op.drop_table("case_events")
    op.drop_table("case_claims")
    op.drop_table("cases")
