"""Decisions of people on claims in review, the benefit such claims reserve, recoveries without fraud, the audit log."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"

_STATUSES = "status IN ('approved', 'partially_approved', 'in_review', 'rejected', {}'voided')"
_ROLES = "role IN ('provider', 'claims_system', 'investigator', {}'admin')"

# What a claim in review would have been paid: what the claims of its member and year that are decided, and those in
# review before it, leave of the limit as of its receipt.
_RESERVE = """
    WITH reserving AS (
        SELECT c.claim_id,
               c.amount_cents,
               c.benefit_limit_cents
                   - (SELECT coalesce(sum(o.approved_cents), 0) FROM claims AS o
                      WHERE o.member_id = c.member_id AND o.voided_at IS NULL
                        AND date_trunc('year', o.service_from) = date_trunc('year', c.service_from))
                   - coalesce(sum(c.amount_cents) OVER (
                        PARTITION BY coalesce(c.member_id, c.claim_id), date_trunc('year', c.service_from)
                        ORDER BY c.received_at, c.claim_id
                        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS left_cents
        FROM claims AS c
        WHERE c.status = 'in_review'
    )
    UPDATE claims AS c
    SET reserved_cents = greatest(0, least(r.amount_cents, coalesce(r.left_cents, r.amount_cents)))
    FROM reserving AS r
    WHERE r.claim_id = c.claim_id
"""


def upgrade() -> None:
    op.create_table(
        "decisions",
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("claim_id", sa.Text(), nullable=False),
        sa.Column(
            "number", sa.Integer(), nullable=False, comment="Of the claim's decisions, from 1, in the order of commits."
        ),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("effect", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False, comment="The claim's status afterwards."),
        sa.Column("pays_cents", sa.BigInteger(), nullable=False, comment="What is paid, or would be by a proposal."),
        sa.Column("approved_cents", sa.BigInteger(), nullable=False, comment="Of the claim afterwards."),
        sa.Column("reserved_cents", sa.BigInteger(), nullable=False, comment="Of the claim afterwards."),
        sa.Column("reason", sa.Text(), nullable=False, comment="A code of claims/review/reasons.py."),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("documents", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("disposition", sa.Text(), nullable=True, comment="The finding stated with it."),
        sa.Column("kind", sa.Text(), nullable=True, comment="Of confirmed fraud."),
        sa.Column("answers", sa.Text(), nullable=True, comment="The proposal answered."),
        sa.Column("assessment_id", sa.Text(), nullable=True, comment="The latest assessment at that moment."),
        sa.Column("api_key_id", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False, comment="The key's name, as of then."),
        sa.Column("role", sa.Text(), nullable=False, comment="The key's role, as of then."),
        sa.CheckConstraint(
            "action IN ('release', 'pay_reduced', 'deny', 'pend', 'approve', 'refuse', 'reopen')",
            name="decisions_action_check",
        ),
        sa.CheckConstraint(
            "effect IN ('settled', 'proposed', 'pended', 'refused', 'reopened')", name="decisions_effect_check"
        ),
        sa.CheckConstraint(
            "effect <> 'pended' OR (due_on IS NOT NULL AND documents <> '{}')", name="decisions_pend_check"
        ),
        sa.CheckConstraint("(action IN ('approve', 'refuse')) = (answers IS NOT NULL)", name="decisions_answers_check"),
        sa.ForeignKeyConstraint(["answers"], ["decisions.decision_id"], name="decisions_answers_fkey"),
        sa.ForeignKeyConstraint(["assessment_id"], ["assessments.assessment_id"], name="decisions_assessment_id_fkey"),
        sa.ForeignKeyConstraint(["claim_id"], ["claims.claim_id"], name="decisions_claim_id_fkey"),
        sa.PrimaryKeyConstraint("decision_id", name="decisions_pkey"),
    )
    op.create_index("decisions_claim_id_number_key", "decisions", ["claim_id", "number"], unique=True)
    op.create_index(
        "decisions_answers_key", "decisions", ["answers"], unique=True, postgresql_where="answers IS NOT NULL"
    )
    op.create_table(
        "audit_log",
        sa.Column("audit_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("api_key_id", sa.Text(), nullable=False, comment="The key that was used."),
        sa.Column("name", sa.Text(), nullable=False, comment="Its name, as of then."),
        sa.Column("role", sa.Text(), nullable=False, comment="Its role, as of then."),
        sa.Column("act", sa.Text(), nullable=False, comment="What was done, such as claim.release."),
        sa.Column("claim_id", sa.Text(), nullable=False),
        sa.Column(
            "details",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="Status and money before and after; no member's data.",
        ),
        sa.ForeignKeyConstraint(["claim_id"], ["claims.claim_id"], name="audit_log_claim_id_fkey"),
        sa.PrimaryKeyConstraint("audit_id", name="audit_log_pkey"),
    )
    op.create_index("audit_log_claim_id_audit_id_idx", "audit_log", ["claim_id", "audit_id"])
    for table in ("decisions", "audit_log"):
        op.execute(
            f"""
            CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
            """
        )
    _claims()
    _replace_check("api_keys", "api_keys_role_check", _ROLES.format("'lead_investigator', "))
    _dispositions("'confirmed', 'cleared', 'billing_error', 'overpayment', 'inconclusive'", recovers=True)


def _claims() -> None:
    op.add_column(
        "claims",
        sa.Column(
            "reserved_cents",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="Benefit held by a claim in review until a person decides it.",
        ),
    )
    op.add_column(
        "claims",
        sa.Column(
            "decision_id", sa.Text(), nullable=True, comment="The latest decision, proposal or request for documents."
        ),
    )
    op.create_foreign_key("claims_decision_id_fkey", "claims", "decisions", ["decision_id"], ["decision_id"])
    _replace_check("claims", "claims_status_check", _STATUSES.format("'denied', "))
    op.create_check_constraint(
        "claims_reserved_cents_check",
        "claims",
        "reserved_cents BETWEEN 0 AND amount_cents AND (reserved_cents = 0 OR status = 'in_review')",
    )
    op.create_check_constraint("claims_denied_check", "claims", "status <> 'denied' OR decision_id IS NOT NULL")
    op.create_index(
        "claims_in_review_idx", "claims", ["received_at", "claim_id"], postgresql_where="status = 'in_review'"
    )
    op.execute(_RESERVE)


def _dispositions(values: str, *, recovers: bool) -> None:
    with_money = "IN ('confirmed', 'billing_error', 'overpayment')" if recovers else "= 'confirmed'"
    _replace_check("dispositions", "dispositions_disposition_check", f"disposition IN ({values})")
    _replace_check(
        "dispositions",
        "dispositions_amount_recovered_cents_check",
        f"amount_recovered_cents >= 0 AND (amount_recovered_cents = 0 OR disposition {with_money})",
    )


def _replace_check(table: str, name: str, condition: str) -> None:
    op.drop_constraint(name, table, type_="check")
    op.create_check_constraint(name, table, condition)


def downgrade() -> None:
    """Refused by the older checks while a claim is denied or a finding, key or role of now exists."""
    _dispositions("'confirmed', 'cleared', 'inconclusive'", recovers=False)
    _replace_check("api_keys", "api_keys_role_check", _ROLES.format(""))
    op.drop_index("claims_in_review_idx", "claims")
    op.drop_constraint("claims_denied_check", "claims", type_="check")
    op.drop_constraint("claims_reserved_cents_check", "claims", type_="check")
    _replace_check("claims", "claims_status_check", _STATUSES.format(""))
    op.drop_constraint("claims_decision_id_fkey", "claims", type_="foreignkey")
    op.drop_column("claims", "decision_id")
    op.drop_column("claims", "reserved_cents")
    op.drop_table("audit_log")
    op.drop_table("decisions")
