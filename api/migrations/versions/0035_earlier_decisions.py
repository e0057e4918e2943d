"""Decided states of claims that ended: what a remittance advice has stated, and a later one reverses."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0035"
down_revision = "0034"

_DECIDED = "('approved', 'partially_approved', 'rejected', 'denied')"


def upgrade() -> None:
    op.create_table(
        "earlier_decisions",
        sa.Column("earlier_id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("claim_id", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Text(), nullable=True, comment="Of the claim."),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False, comment="When it was decided so."),
        sa.Column(
            "ended_at", sa.DateTime(timezone=True), nullable=False, comment="When it was voided or decided otherwise."
        ),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("approved_cents", sa.BigInteger(), nullable=False),
        sa.Column("decision_id", sa.Text(), nullable=True, comment="A person's; null: at receipt."),
        sa.Column("payment", postgresql.JSONB(), nullable=True, comment="As claims.payment."),
        sa.CheckConstraint("ended_at >= began_at", name="earlier_decisions_times_check"),
        sa.ForeignKeyConstraint(["claim_id"], ["claims.claim_id"], name="earlier_decisions_claim_id_fkey"),
        sa.PrimaryKeyConstraint("earlier_id", name="earlier_decisions_pkey"),
    )
    op.create_index("earlier_decisions_provider_id_ended_at_idx", "earlier_decisions", ["provider_id", "ended_at"])
    op.execute(
        """
        CREATE FUNCTION keep_decision() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            began timestamptz := coalesce(
                (SELECT made_at FROM decisions WHERE decision_id = OLD.decision_id), OLD.received_at);
            ended timestamptz := CASE
                WHEN NEW.voided_at IS NOT NULL THEN NEW.voided_at
                WHEN NEW.decision_id IS DISTINCT FROM OLD.decision_id
                    THEN (SELECT made_at FROM decisions WHERE decision_id = NEW.decision_id)
                ELSE clock_timestamp() END;
        BEGIN
            INSERT INTO earlier_decisions
                (claim_id, provider_id, began_at, ended_at, status, approved_cents, decision_id, payment)
            VALUES (OLD.claim_id, OLD.provider_id, began, greatest(began, ended), OLD.status, OLD.approved_cents,
                    OLD.decision_id, OLD.payment);
            RETURN NULL;
        END $$
        """
    )
    op.execute(
        f"""
        CREATE TRIGGER claims_earlier_decisions AFTER UPDATE ON claims FOR EACH ROW
        WHEN (OLD.source = 'api' AND OLD.status IN {_DECIDED}
              AND (OLD.status, OLD.approved_cents, OLD.decision_id, OLD.payment)
                  IS DISTINCT FROM (NEW.status, NEW.approved_cents, NEW.decision_id, NEW.payment))
        EXECUTE FUNCTION keep_decision()
        """
    )
    op.execute(
        """
        CREATE TRIGGER earlier_decisions_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON earlier_decisions
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
        """
    )
    # Of claims that were voided before; what was decided before a claim was reopened is not known any more.
    op.execute(
        f"""
        INSERT INTO earlier_decisions
            (claim_id, provider_id, began_at, ended_at, status, approved_cents, decision_id, payment)
        SELECT claim_id, provider_id, coalesce(made_at, received_at),
               greatest(coalesce(made_at, received_at), voided_at), status_before_void,
               coalesce(decided_cents, assessed_cents, 0), decision_id, payment
        FROM (
            SELECT claims.claim_id, claims.provider_id, claims.received_at, claims.voided_at, claims.status_before_void,
                   claims.decision_id, claims.payment, decisions.made_at,
                   decisions.approved_cents AS decided_cents,
                   (SELECT approved_cents FROM assessments WHERE assessments.claim_id = claims.claim_id
                    ORDER BY made_at DESC, assessment_id DESC LIMIT 1) AS assessed_cents
            FROM claims LEFT JOIN decisions USING (decision_id)
            WHERE claims.source = 'api' AND claims.voided_at IS NOT NULL AND claims.status_before_void IN {_DECIDED}
        ) AS voided
        """
    )


def downgrade() -> None:
    """Drops what was decided of claims before they were voided or decided otherwise."""
    op.execute("DROP TRIGGER claims_earlier_decisions ON claims")
    op.drop_table("earlier_decisions")
    op.execute("DROP FUNCTION keep_decision")
