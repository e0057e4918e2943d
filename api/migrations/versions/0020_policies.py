"""Versions of the policy, their activations, and the version and trace of each decision."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.create_table(
        "policy_versions",
        sa.Column("version", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment="With every parameter."),
        sa.Column("sha256", sa.Text(), nullable=False, comment="Of the document as JSON with sorted keys."),
        sa.Column("valid_from", sa.Date(), nullable=False, comment="First day of receipt."),
        sa.Column("valid_until", sa.Date(), nullable=True, comment="Last day of receipt; null: no end."),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("version", name="policy_versions_pkey"),
    )
    op.create_index("policy_versions_version_author_key", "policy_versions", ["version", "author"], unique=True)
    op.create_index("policy_versions_sha256_key", "policy_versions", ["sha256"], unique=True)
    op.create_table(
        "policy_activations",
        sa.Column("activation_id", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True, comment="Null: the settings decide again."),
        sa.Column("author", sa.Text(), nullable=True, comment="Of the version."),
        sa.Column("approver", sa.Text(), nullable=False, comment="Who activated it or rolled back."),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('activate', 'rollback')", name="policy_activations_kind_check"),
        sa.CheckConstraint("(version IS NULL) = (author IS NULL)", name="policy_activations_author_check"),
        sa.CheckConstraint("kind = 'rollback' OR version IS NOT NULL", name="policy_activations_version_check"),
        sa.CheckConstraint(
            "kind = 'rollback' OR lower(approver) <> lower(author)", name="policy_activations_approver_check"
        ),
        sa.ForeignKeyConstraint(
            ["version", "author"],
            ["policy_versions.version", "policy_versions.author"],
            name="policy_activations_version_author_fkey",
        ),
        sa.PrimaryKeyConstraint("activation_id", name="policy_activations_pkey"),
    )
    for table in ("policy_versions", "policy_activations"):
        op.execute(
            f"""
            CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
            """
        )
    # Without a foreign key: every claim would lock the row of the version in force.
    op.add_column(
        "assessments",
        sa.Column("policy_version", sa.Integer(), nullable=True, comment="That decided; 0: the settings."),
    )
    op.add_column(
        "assessments",
        sa.Column(
            "policy_trace",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="Rules that held, with the values they read; settings other than those the platform comes with.",
        ),
    )


def downgrade() -> None:
    """Drops every version and activation, and which version decided each claim."""
    op.drop_column("assessments", "policy_trace")
    op.drop_column("assessments", "policy_version")
    op.drop_table("policy_activations")
    op.drop_table("policy_versions")
