"""Positions of the online store instead of times: the write that holds each event, and the generation of keys.

Labels that are loaded in bulk have events too, so that a label enters the history of the day it became known, whenever
it was committed.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

ROW_EVENTS = 1_000
"""Labels of one statement that have an event each; more of them are one event that makes the store be rebuilt."""


def upgrade() -> None:
    op.add_column(
        "outbox",
        sa.Column(
            "write_number",
            sa.BigInteger(),
            nullable=True,
            comment="The write of the online store that contains the event.",
        ),
    )
    op.create_index("outbox_write_number_idx", "outbox", ["write_number"], postgresql_where="write_number IS NOT NULL")
    op.add_column(
        "feature_store",
        sa.Column("generation", sa.BigInteger(), nullable=True, comment="The generation of keys last written."),
    )
    op.execute("DROP TRIGGER labels_announced ON labels")
    op.execute("DROP FUNCTION announce_label")
    op.execute(
        f"""
        CREATE FUNCTION announce_labels() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF (SELECT count(*) FROM (SELECT FROM added LIMIT {ROW_EVENTS + 1}) AS counted) > {ROW_EVENTS} THEN
                INSERT INTO outbox (topic, entity_key, payload, created_at)
                VALUES ('history.loaded', 'labels', '{{}}', clock_timestamp());
            ELSE
                INSERT INTO outbox (topic, entity_key, payload, created_at)
                SELECT 'label.recorded', claim_id,
                       jsonb_build_object('claim_id', claim_id,
                                          'known_us', (extract(epoch FROM known_at) * 1000000)::bigint),
                       CASE WHEN source = 'disposition' THEN known_at ELSE clock_timestamp() END
                FROM added;
            END IF;
            RETURN NULL;
        END $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER labels_announced AFTER INSERT ON labels REFERENCING NEW TABLE AS added
        FOR EACH STATEMENT EXECUTE FUNCTION announce_labels()
        """
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER labels_announced ON labels")
    op.execute("DROP FUNCTION announce_labels")
    op.execute("DELETE FROM outbox WHERE topic = 'history.loaded'")
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
    op.execute(
        """
        CREATE TRIGGER labels_announced AFTER INSERT ON labels
        FOR EACH ROW WHEN (NEW.source = 'disposition') EXECUTE FUNCTION announce_label()
        """
    )
    op.drop_column("feature_store", "generation")
    op.drop_index("outbox_write_number_idx", "outbox")
    op.drop_column("outbox", "write_number")
