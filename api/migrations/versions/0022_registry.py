"""Periods of validity of members, providers and procedures, and every earlier state of them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0022"
down_revision = "0021"

_PERIODS = {
    "members": "Cover before that, oldest first: first_day, last_day and plan_id of each.",
    "providers": "Active periods before that, oldest first: first_day and last_day of each.",
    "procedures": "Periods of validity before that, oldest first: first_day and last_day.",
}
_KEYS = {"members": "member_id", "providers": "provider_id", "procedures": "procedure_code"}
_CATALOGUE = (
    *("name", "specialties", "typical_cents", "sex", "min_age_years", "max_age_years", "max_units"),
    *("valid_from", "valid_to", "earlier_periods"),
)
"""What a person states of a procedure; its averages, which the worker computes each day, are no new state."""


def upgrade() -> None:
    op.add_column("procedures", sa.Column("valid_from", sa.Date(), nullable=True))
    op.add_column(
        "procedures", sa.Column("valid_to", sa.Date(), nullable=True, comment="The last valid day; null: open.")
    )
    op.create_check_constraint("procedures_validity_check", "procedures", "valid_to >= valid_from")
    for table, comment in _PERIODS.items():
        op.add_column(
            table,
            sa.Column("earlier_periods", postgresql.JSONB(astext_type=sa.Text()), nullable=True, comment=comment),
        )
    op.create_table(
        "registry_history",
        sa.Column("history_id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="The table: members, providers or procedures."),
        sa.Column("entry_id", sa.Text(), nullable=False, comment="The row's primary key."),
        sa.Column(
            "known_until", sa.DateTime(timezone=True), nullable=False, comment="When it was replaced by the next state."
        ),
        sa.Column(
            "state",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="The row until then; of a member it is personal data.",
        ),
        sa.PrimaryKeyConstraint("history_id", name="registry_history_pkey"),
    )
    op.create_index(
        "registry_history_kind_entry_id_known_until_idx",
        "registry_history",
        ["kind", "entry_id", "known_until"],
    )
    op.execute(
        """
        CREATE FUNCTION keep_state() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO registry_history (kind, entry_id, known_until, state)
            VALUES (TG_TABLE_NAME, to_jsonb(OLD) ->> TG_ARGV[0], clock_timestamp(), to_jsonb(OLD));
            RETURN NULL;
        END $$
        """
    )
    for table, key in _KEYS.items():
        changed = "OLD.* IS DISTINCT FROM NEW.*"
        if table == "procedures":
            old, new = (", ".join(f"{row}.{name}" for name in _CATALOGUE) for row in ("OLD", "NEW"))
            changed = f"({old}) IS DISTINCT FROM ({new})"
        op.execute(
            f"""
            CREATE TRIGGER {table}_history AFTER UPDATE ON {table}
            FOR EACH ROW WHEN ({changed}) EXECUTE FUNCTION keep_state('{key}')
            """
        )
    op.execute(
        """
        CREATE TRIGGER registry_history_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON registry_history
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
        """
    )


def downgrade() -> None:
    """Drops every earlier state and period."""
    for table in _KEYS:
        op.execute(f"DROP TRIGGER {table}_history ON {table}")
        op.drop_column(table, "earlier_periods")
    op.drop_table("registry_history")
    op.execute("DROP FUNCTION keep_state")
    op.drop_constraint("procedures_validity_check", "procedures", type_="check")
    op.drop_column("procedures", "valid_to")
    op.drop_column("procedures", "valid_from")
