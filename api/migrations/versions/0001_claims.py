"""Claims and everything around them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("api_key_id", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(role = 'provider') = (provider_id IS NOT NULL)", name="api_keys_provider_check"),
        sa.CheckConstraint(
            "role IN ('provider', 'claims_system', 'investigator', 'admin')", name="api_keys_role_check"
        ),
        sa.PrimaryKeyConstraint("api_key_id", name="api_keys_pkey"),
        sa.UniqueConstraint("secret_hash", name="api_keys_secret_hash_key"),
    )
    op.create_table(
        "claims",
        sa.Column("claim_id", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("service_from", sa.Date(), nullable=False),
        sa.Column("service_to", sa.Date(), nullable=False),
        sa.Column("member_id", sa.Text(), nullable=True),
        sa.Column("provider_id", sa.Text(), nullable=True),
        sa.Column("procedure_code", sa.Text(), nullable=True),
        sa.Column("diagnosis_code", sa.Text(), nullable=True),
        sa.Column("other_diagnoses", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("place_of_service", sa.Text(), nullable=True),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("specialty", sa.Text(), nullable=True),
        sa.Column("age_years", sa.Integer(), nullable=True),
        sa.Column("sex", sa.Text(), nullable=True),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=True),
        sa.Column("lines", sa.Integer(), nullable=True),
        sa.Column("diagnoses", sa.Integer(), nullable=True),
        sa.Column("benefit_limit_cents", sa.BigInteger(), nullable=True),
        sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("void_reason", sa.Text(), nullable=True),
        sa.Column("replaces", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("approved_cents", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("source", sa.Text(), nullable=False, comment="'api', or the data set a history was loaded from."),
        sa.Column("submitted_by", sa.Text(), nullable=True, comment="The API key."),
        sa.CheckConstraint("(status = 'voided') = (voided_at IS NOT NULL)", name="claims_voided_check"),
        sa.CheckConstraint(
            "status IN ('approved', 'partially_approved', 'in_review', 'rejected', 'voided')",
            name="claims_status_check",
        ),
        sa.CheckConstraint("amount_cents > 0", name="claims_amount_cents_check"),
        sa.CheckConstraint("approved_cents BETWEEN 0 AND amount_cents", name="claims_approved_cents_check"),
        sa.CheckConstraint("service_to >= service_from", name="claims_service_check"),
        sa.PrimaryKeyConstraint("claim_id", name="claims_pkey"),
    )
    op.create_index(
        "claims_member_id_procedure_code_received_at_idx",
        "claims",
        ["member_id", "procedure_code", "received_at"],
        unique=False,
    )
    op.create_index(
        "claims_member_id_provider_id_received_at_idx",
        "claims",
        ["member_id", "provider_id", "received_at"],
        unique=False,
    )
    op.create_index("claims_member_id_received_at_idx", "claims", ["member_id", "received_at"], unique=False)
    op.create_index("claims_member_id_service_from_idx", "claims", ["member_id", "service_from"], unique=False)
    op.create_index("claims_procedure_code_received_at_idx", "claims", ["procedure_code", "received_at"], unique=False)
    op.create_index(
        "claims_provider_id_received_at_claim_id_idx",
        "claims",
        ["provider_id", "received_at", "claim_id"],
        unique=False,
    )
    op.create_index("claims_provider_id_service_from_idx", "claims", ["provider_id", "service_from"], unique=False)
    op.create_index("claims_received_at_claim_id_idx", "claims", ["received_at", "claim_id"], unique=False)
    op.create_index("claims_replaces_key", "claims", ["replaces"], unique=True, postgresql_where="replaces IS NOT NULL")
    op.create_index(
        "claims_voided_at_idx", "claims", ["voided_at"], unique=False, postgresql_where="voided_at IS NOT NULL"
    )
    op.create_table(
        "diagnoses",
        sa.Column("diagnosis_code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("sex", sa.Text(), nullable=True),
        sa.Column("min_age_years", sa.Integer(), nullable=True),
        sa.Column("max_age_years", sa.Integer(), nullable=True),
        sa.CheckConstraint("sex IN ('F', 'M')", name="diagnoses_sex_check"),
        sa.PrimaryKeyConstraint("diagnosis_code", name="diagnoses_pkey"),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("api_key_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False, comment="SHA-256 of route and body."),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("api_key_id", "key", name="idempotency_keys_pkey"),
    )
    op.create_table(
        "labels",
        sa.Column("claim_id", sa.Text(), nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_fraud", sa.Boolean(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False, comment="'disposition', or the data set it was loaded from."),
        sa.PrimaryKeyConstraint("claim_id", "known_at", name="labels_pkey"),
    )
    op.create_index("labels_known_at_idx", "labels", ["known_at"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("position", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("entity_key", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True, comment="When to try again."),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("position", name="outbox_pkey"),
    )
    op.create_index(
        "outbox_open_idx", "outbox", ["topic", "position"], unique=False, postgresql_where="done_at IS NULL"
    )
    op.create_table(
        "plans",
        sa.Column("plan_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("benefit_limit_cents", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("benefit_limit_cents >= 0", name="plans_benefit_limit_cents_check"),
        sa.PrimaryKeyConstraint("plan_id", name="plans_pkey"),
    )
    op.create_table(
        "procedures",
        sa.Column("procedure_code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("specialties", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("typical_cents", sa.BigInteger(), nullable=True, comment="The catalogue's price of one unit."),
        sa.Column("sex", sa.Text(), nullable=True),
        sa.Column("min_age_years", sa.Integer(), nullable=True),
        sa.Column("max_age_years", sa.Integer(), nullable=True),
        sa.Column("max_units", sa.Integer(), nullable=True, comment="Most units plausible on one claim."),
        sa.Column(
            "average_cents",
            sa.BigInteger(),
            nullable=True,
            comment="Average claim of this procedure over the year to average_as_of.",
        ),
        sa.Column("average_claims", sa.Integer(), server_default="0", nullable=False),
        sa.Column("average_as_of", sa.Date(), nullable=True),
        sa.CheckConstraint("sex IN ('F', 'M')", name="procedures_sex_check"),
        sa.PrimaryKeyConstraint("procedure_code", name="procedures_pkey"),
    )
    op.create_table(
        "providers",
        sa.Column("provider_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("specialty", sa.Text(), nullable=True),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("active_from", sa.Date(), nullable=True),
        sa.Column("active_to", sa.Date(), nullable=True, comment="The last active day; null: open."),
        sa.Column("excluded_from", sa.Date(), nullable=True, comment="The first day excluded; null: not excluded."),
        sa.PrimaryKeyConstraint("provider_id", name="providers_pkey"),
    )
    op.create_table(
        "assessments",
        sa.Column("assessment_id", sa.Text(), nullable=False),
        sa.Column("claim_id", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "decided_by",
            sa.Text(),
            nullable=False,
            comment="What decided whether the claim is flagged: 'model' or 'rule'.",
        ),
        sa.Column("breaker_state", sa.Text(), nullable=False),
        sa.Column("score_failure", sa.Text(), nullable=True, comment="Why there was no valid score."),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("approved_cents", sa.BigInteger(), nullable=False),
        sa.Column("flagged", sa.Boolean(), nullable=False),
        sa.Column("findings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("rule", postgresql.JSONB(astext_type=sa.Text()), nullable=True, comment="What the rule compared."),
        sa.Column("model_version", sa.Text(), nullable=True),
        sa.Column("schema_hash", sa.Text(), nullable=True),
        sa.Column("probability", sa.Double(), nullable=True),
        sa.Column("margin", sa.Double(), nullable=True),
        sa.Column("threshold", sa.Double(), nullable=True),
        sa.Column("base_margin", sa.Double(), nullable=True),
        sa.Column("vector", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("contributions", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("counterfactual", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("feature_times", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("stale_views", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("explained_by", sa.Text(), nullable=True),
        sa.Column("shadow", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("supersedes", sa.Text(), nullable=True),
        sa.Column(
            "changes", postgresql.JSONB(astext_type=sa.Text()), nullable=True, comment="Field → [before, after]."
        ),
        sa.CheckConstraint("(decided_by = 'model') = (probability IS NOT NULL)", name="assessments_score_check"),
        sa.CheckConstraint("decided_by IN ('model', 'rule')", name="assessments_decided_by_check"),
        sa.ForeignKeyConstraint(["claim_id"], ["claims.claim_id"], name="assessments_claim_id_fkey"),
        sa.ForeignKeyConstraint(["supersedes"], ["assessments.assessment_id"], name="assessments_supersedes_fkey"),
        sa.PrimaryKeyConstraint("assessment_id", name="assessments_pkey"),
    )
    op.create_index("assessments_claim_id_made_at_idx", "assessments", ["claim_id", "made_at"], unique=False)
    op.create_index(
        "assessments_rule_made_at_idx", "assessments", ["made_at"], unique=False, postgresql_where="decided_by = 'rule'"
    )
    op.create_index(
        "assessments_supersedes_key",
        "assessments",
        ["supersedes"],
        unique=True,
        postgresql_where="supersedes IS NOT NULL",
    )
    op.create_table(
        "claim_lines",
        sa.Column("claim_id", sa.Text(), nullable=False),
        sa.Column("line", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("procedure_code", sa.Text(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("service_date", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["claim_id"], ["claims.claim_id"], name="claim_lines_claim_id_fkey"),
        sa.PrimaryKeyConstraint("claim_id", "line", name="claim_lines_pkey"),
    )
    op.create_table(
        "members",
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("birth_date", sa.Date(), nullable=True),
        sa.Column("sex", sa.Text(), nullable=True),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("plan_id", sa.Text(), nullable=True),
        sa.Column("enrolled_from", sa.Date(), nullable=True),
        sa.Column("enrolled_to", sa.Date(), nullable=True, comment="The first day no longer covered; null: open."),
        sa.CheckConstraint("sex IN ('F', 'M')", name="members_sex_check"),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.plan_id"], name="members_plan_id_fkey"),
        sa.PrimaryKeyConstraint("member_id", name="members_pkey"),
    )
    # The claims frame: the columns of features/declare/frames.py, in their order.
    op.execute(
        """
        CREATE VIEW claim_facts AS
        SELECT claim_id, received_at, service_from, service_to, member_id, provider_id, procedure_code, diagnosis_code,
               place_of_service, region, specialty, age_years, sex, amount_cents, units, lines, diagnoses,
               benefit_limit_cents, voided_at, replaces
        FROM claims
        """
    )
    op.execute(
        """
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '% is append only: record a new row that supersedes the old', TG_TABLE_NAME
                USING ERRCODE = 'restrict_violation';
        END $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER assessments_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON assessments
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
        """
    )


def downgrade() -> None:
    op.execute("DROP VIEW claim_facts")
    for table in (
        *("claim_lines", "assessments", "claims", "members", "plans", "providers", "procedures", "diagnoses"),
        *("labels", "outbox", "idempotency_keys", "api_keys"),
    ):
        op.drop_table(table)
    op.execute("DROP FUNCTION refuse_change")
