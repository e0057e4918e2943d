"""Findings that can be withdrawn and are announced, and what the online store was last written with."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.alter_column(
        "labels",
        "is_fraud",
        existing_type=sa.Boolean(),
        nullable=True,
        comment="True: confirmed; false: cleared; null: withdrawn, the truth is unknown again.",
    )
    op.create_table(
        "feature_store",
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("writes", sa.BigInteger(), nullable=False, comment="The watermark's count as of the last write."),
        sa.Column(
            "evicted", sa.BigInteger(), server_default="0", nullable=False, comment="Evictions already repaired."
        ),
        sa.PrimaryKeyConstraint("project", name="feature_store_pkey"),
    )
    op.execute(
        """
        CREATE FUNCTION announce_label() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO outbox (topic, entity_key, payload, created_at)
            VALUES ('label.recorded', NEW.claim_id,
                    jsonb_build_object('claim_id', NEW.claim_id,
                                       'known_us', (extract(epoch FROM NEW.known_at) * 1000000)::bigint),
                    NEW.known_at);
            RETURN NULL;
        END $$
        """
    )
    # A loaded data set brings its labels with its claims, and `ginja features rebuild` reads both.
    op.execute(
        """
        CREATE TRIGGER labels_announced AFTER INSERT ON labels
        FOR EACH ROW WHEN (NEW.source = 'disposition') EXECUTE FUNCTION announce_label()
        """
    )
    op.execute(
        """
        INSERT INTO labels (claim_id, known_at, is_fraud, kind, source)
        SELECT claim_id, known_at, NULL, NULL, 'disposition' FROM dispositions WHERE disposition = 'inconclusive'
        ON CONFLICT (claim_id, known_at) DO NOTHING
        """
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER labels_announced ON labels")
    op.execute("DROP FUNCTION announce_label")
    op.execute("DELETE FROM outbox WHERE topic = 'label.recorded'")
    op.drop_table("feature_store")
    op.execute("DELETE FROM labels WHERE is_fraud IS NULL")
    op.alter_column("labels", "is_fraud", existing_type=sa.Boolean(), nullable=False, comment=None)
