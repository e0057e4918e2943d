"""Reference statistics of prices and units; how suspicions and service days follow a claim."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "reference_statistics",
        sa.Column("procedure_code", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False, comment="Provider or region; empty for all providers."),
        sa.Column(
            "principal",
            sa.Boolean(),
            nullable=False,
            comment="False: secondary lines, whose claim has a line with a higher amount.",
        ),
        sa.Column("claims", sa.Integer(), nullable=False),
        sa.Column("median_cents", sa.Double(), nullable=False, comment="Median amount per unit."),
        sa.Column("log_spread", sa.Double(), nullable=False, comment="MAD of the log amount per unit, times 1.4826."),
        sa.Column("high_units", sa.Double(), nullable=False, comment="99 % of the claims have at most so many units."),
        sa.Column("as_of", sa.Date(), nullable=False, comment="The year before this day counts."),
        sa.CheckConstraint(
            "scope IN ('provider', 'region', 'procedure', 'history')", name="reference_statistics_scope_check"
        ),
        sa.PrimaryKeyConstraint("procedure_code", "scope", "entity", "principal", name="reference_statistics_pkey"),
    )
    op.add_column(
        "claims",
        sa.Column(
            "service_date_defaulted",
            sa.Boolean(),
            server_default="false",
            nullable=False,
            comment="No day of service was sent: service_from is the day of receipt.",
        ),
    )
    op.add_column(
        "claims",
        sa.Column(
            "status_before_void", sa.Text(), nullable=True, comment="What the status was when the claim was voided."
        ),
    )
    op.add_column(
        "claims",
        sa.Column("inherits_from", sa.Text(), nullable=True, comment="The claim whose review this one inherited."),
    )
    op.create_index(
        "claims_inherits_from_idx", "claims", ["inherits_from"], postgresql_where="inherits_from IS NOT NULL"
    )
    # A claim that was voided before this column existed: its last assessment says what it was.
    op.execute(
        """
        UPDATE claims AS c
        SET status_before_void = (
            SELECT outcome FROM assessments AS a WHERE a.claim_id = c.claim_id
            ORDER BY made_at DESC, assessment_id DESC LIMIT 1
        )
        WHERE voided_at IS NOT NULL
        """
    )
    # Claims that replace or follow one another, the newest first, the claim itself among them.
    op.execute(
        """
        CREATE FUNCTION claim_chain(of_claim text) RETURNS text[] LANGUAGE sql STABLE AS $$
            WITH RECURSIVE newer AS (
                SELECT claim_id, 0 AS place FROM claims WHERE claim_id = of_claim
                UNION ALL
                SELECT c.claim_id, n.place - 1 FROM newer AS n JOIN claims AS c
                    ON c.replaces = n.claim_id OR (c.inherits_from = n.claim_id AND c.replaces IS NULL)
                WHERE n.place > -100
            ),
            older AS (
                SELECT coalesce(replaces, inherits_from) AS claim_id, 1 AS place FROM claims WHERE claim_id = of_claim
                UNION ALL
                SELECT coalesce(c.replaces, c.inherits_from), o.place + 1
                FROM older AS o JOIN claims AS c ON c.claim_id = o.claim_id
                WHERE o.place < 100
            ),
            whole AS (SELECT * FROM newer UNION ALL SELECT * FROM older WHERE claim_id IS NOT NULL)
            SELECT array_agg(claim_id ORDER BY place, claim_id DESC) FROM whole
        $$
        """
    )


def downgrade() -> None:
    op.execute("DROP FUNCTION claim_chain")
    op.drop_index("claims_inherits_from_idx", "claims")
    for column in ("inherits_from", "status_before_void", "service_date_defaulted"):
        op.drop_column("claims", column)
    op.drop_table("reference_statistics")
