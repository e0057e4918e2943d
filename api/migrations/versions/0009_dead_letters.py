"""Events that could not be handled: attempts with growing pauses, then a table of dead letters."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "dead_letters",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False, comment="Of the event."),
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("entity_key", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, comment="Of the event."),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False, comment="Of the last attempt."),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=False, comment="Time of the last attempt."),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolution", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True, comment="Why it was discarded."),
        sa.Column("resolved_by", sa.Text(), nullable=True),
        sa.Column("replayed_as", sa.BigInteger(), nullable=True, comment="The position of the event that repeats it."),
        sa.CheckConstraint("(resolved_at IS NULL) = (resolution IS NULL)", name="dead_letters_resolved_check"),
        sa.CheckConstraint("resolution IN ('replayed', 'discarded')", name="dead_letters_resolution_check"),
        sa.CheckConstraint("(resolution = 'discarded') = (reason IS NOT NULL)", name="dead_letters_reason_check"),
        sa.PrimaryKeyConstraint("position", name="dead_letters_pkey"),
    )
    op.create_index("dead_letters_open_idx", "dead_letters", ["position"], postgresql_where="resolved_at IS NULL")
    # One mechanism for every consumer, whatever library it uses: count the attempt, wait longer, give up in the end.
    op.execute(
        """
        CREATE FUNCTION fail_event(of_position bigint, by_consumer text, with_error text, at timestamptz,
                                   max_attempts integer) RETURNS boolean LANGUAGE plpgsql AS $$
        DECLARE
            tried integer;
        BEGIN
            UPDATE outbox
            SET attempts = attempts + 1,
                not_before = at + least(interval '1 second' * 2 ^ least(attempts, 12), interval '10 minutes')
            WHERE position = of_position AND done_at IS NULL
            RETURNING attempts INTO tried;
            IF tried IS NULL OR tried < max_attempts THEN
                RETURN false;
            END IF;
            INSERT INTO dead_letters (position, consumer, topic, entity_key, payload, created_at, attempts, error,
                                      failed_at)
            SELECT position, by_consumer, topic, entity_key, payload, created_at, attempts, with_error, at
            FROM outbox WHERE position = of_position
            ON CONFLICT (position) DO NOTHING;
            UPDATE outbox SET done_at = clock_timestamp() WHERE position = of_position;
            RETURN true;
        END $$
        """
    )


def downgrade() -> None:
    op.execute("DROP FUNCTION fail_event")
    op.drop_table("dead_letters")
