"""Tests of policy versions, which activations rest on."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.create_table(
        "policy_tests",
        sa.Column("test_id", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column(
            "base_version", sa.Integer(), nullable=True, comment="The version it was compared with; null: the settings."
        ),
        sa.Column("claims", sa.Integer(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False, comment="Whether every gate passed."),
        sa.Column(
            "gates",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="Each gate with what was measured.",
        ),
        sa.Column("tested_by", sa.Text(), nullable=False),
        sa.Column("tested_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["version"], ["policy_versions.version"], name="policy_tests_version_fkey"),
        sa.PrimaryKeyConstraint("test_id", name="policy_tests_pkey"),
    )
    op.create_index("policy_tests_version_test_id_idx", "policy_tests", ["version", "test_id"])
    op.execute(
        """
        CREATE TRIGGER policy_tests_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON policy_tests
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
        """
    )
    op.add_column(
        "policy_activations",
        sa.Column("test_id", sa.Integer(), nullable=True, comment="The test that it rests on; null: none."),
    )
    op.add_column(
        "policy_activations",
        sa.Column(
            "forced", sa.Boolean(), server_default="false", nullable=False, comment="Without a test that passed."
        ),
    )
    op.create_foreign_key(
        "policy_activations_test_id_fkey", "policy_activations", "policy_tests", ["test_id"], ["test_id"]
    )


def downgrade() -> None:
    """Drops every test of a policy, and which activation was forced."""
    op.drop_constraint("policy_activations_test_id_fkey", "policy_activations", type_="foreignkey")
    op.drop_column("policy_activations", "forced")
    op.drop_column("policy_activations", "test_id")
    op.drop_table("policy_tests")
