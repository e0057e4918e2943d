"""The activation that each rollback of the policy undoes."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    op.add_column(
        "policy_activations",
        sa.Column("undoes", sa.Integer(), nullable=True, comment="Of a rollback, the activation that it undoes."),
    )
    op.execute("ALTER TABLE policy_activations DISABLE TRIGGER policy_activations_append_only")
    op.execute(
        """
        DO $$
        DECLARE
            made record;
            effective integer[] := '{}';
        BEGIN
            FOR made IN SELECT activation_id, kind FROM policy_activations ORDER BY activation_id LOOP
                IF made.kind = 'activate' THEN
                    effective := effective || made.activation_id;
                ELSE
                    UPDATE policy_activations SET undoes = effective[cardinality(effective)]
                    WHERE activation_id = made.activation_id;
                    effective := trim_array(effective, 1);
                END IF;
            END LOOP;
        END $$
        """
    )
    op.execute("ALTER TABLE policy_activations ENABLE TRIGGER policy_activations_append_only")
    op.create_check_constraint(
        "policy_activations_undoes_check", "policy_activations", "(kind = 'rollback') = (undoes IS NOT NULL)"
    )
    op.create_index("policy_activations_undoes_key", "policy_activations", ["undoes"], unique=True)
    op.create_foreign_key(
        "policy_activations_undoes_fkey", "policy_activations", "policy_activations", ["undoes"], ["activation_id"]
    )
    op.alter_column(
        "policy_activations",
        "version",
        comment="Of a rollback, the one activated before; null: none.",
        existing_comment="Null: the settings decide again.",
        existing_nullable=True,
    )


def downgrade() -> None:
    """Drops which activation each rollback undoes."""
    op.alter_column(
        "policy_activations",
        "version",
        comment="Null: the settings decide again.",
        existing_comment="Of a rollback, the one activated before; null: none.",
        existing_nullable=True,
    )
    op.drop_column("policy_activations", "undoes")
