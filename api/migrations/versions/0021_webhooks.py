"""Webhooks: endpoints with their secrets, deliveries with their attempts, and audit rows that are not about a claim."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0021"
down_revision = "0020"

_OWN_TOPICS = (
    "('claim.decided', 'claim.pended', 'claim.appealed', 'claim.appeal_decided', 'claim.flagged_after_decision')"
)
_AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "webhook_endpoints",
        sa.Column("endpoint_id", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("events", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("api_version", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("disabled_reason", sa.Text(), nullable=True),
        sa.Column("disabled_at", _AT, nullable=True),
        sa.Column("failing_since", _AT, nullable=True, comment="First failed attempt since the last accepted one."),
        sa.Column("created_at", _AT, nullable=False),
        sa.Column("updated_at", _AT, nullable=False, comment="Of the last change by a person."),
        sa.CheckConstraint("status IN ('active', 'disabled')", name="webhook_endpoints_status_check"),
        sa.CheckConstraint("disabled_reason IN ('gone', 'failing', 'admin')", name="webhook_endpoints_reason_check"),
        sa.CheckConstraint(
            "(status = 'disabled') = (disabled_reason IS NOT NULL AND disabled_at IS NOT NULL)",
            name="webhook_endpoints_disabled_check",
        ),
        sa.PrimaryKeyConstraint("endpoint_id", name="webhook_endpoints_pkey"),
        sa.UniqueConstraint("url", name="webhook_endpoints_url_key"),
    )
    op.create_table(
        "webhook_secrets",
        sa.Column("secret_id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("endpoint_id", sa.Text(), nullable=False),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=False, comment="Encrypted by core/encryption.py."),
        sa.Column("created_at", _AT, nullable=False),
        sa.Column("expires_at", _AT, nullable=True, comment="Null: the current one."),
        _of_endpoint("webhook_secrets"),
        sa.PrimaryKeyConstraint("secret_id", name="webhook_secrets_pkey"),
    )
    op.create_index(
        "webhook_secrets_current_key",
        "webhook_secrets",
        ["endpoint_id"],
        unique=True,
        postgresql_where="expires_at IS NULL",
    )
    op.create_index("webhook_secrets_endpoint_id_idx", "webhook_secrets", ["endpoint_id"])
    op.create_table(
        "webhook_deliveries",
        sa.Column("delivery_id", sa.Text(), nullable=False),
        sa.Column("endpoint_id", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False, comment="Sent as webhook-id, the same at each attempt."),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False, comment="As it is sent and signed."),
        sa.Column("created_at", _AT, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False, comment="Made so far."),
        sa.Column(
            "tries",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="Failed since the delivery began or was replayed.",
        ),
        sa.Column(
            "due_at",
            _AT,
            nullable=True,
            comment="Of the next attempt; while a worker attempts it, the end of its lease.",
        ),
        sa.Column("response_status", sa.Integer(), nullable=True, comment="Of the last attempt."),
        sa.Column("error", sa.Text(), nullable=True, comment="Of the last attempt."),
        sa.Column("finished_at", _AT, nullable=True),
        sa.CheckConstraint("status IN ('pending', 'delivered', 'failed')", name="webhook_deliveries_status_check"),
        sa.CheckConstraint("(status = 'pending') = (due_at IS NOT NULL)", name="webhook_deliveries_due_check"),
        _of_endpoint("webhook_deliveries"),
        sa.PrimaryKeyConstraint("delivery_id", name="webhook_deliveries_pkey"),
    )
    op.create_index("webhook_deliveries_event_key", "webhook_deliveries", ["endpoint_id", "event_id"], unique=True)
    op.create_index(
        "webhook_deliveries_due_idx",
        "webhook_deliveries",
        ["endpoint_id", "due_at"],
        postgresql_where="status = 'pending'",
    )
    op.create_index("webhook_deliveries_listed_idx", "webhook_deliveries", ["endpoint_id", "created_at", "delivery_id"])
    op.create_index("webhook_deliveries_created_at_idx", "webhook_deliveries", ["created_at"])
    op.create_table(
        "webhook_attempts",
        sa.Column("delivery_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False, comment="From 1."),
        sa.Column("made_at", _AT, nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("response_status", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True, comment="Null: accepted."),
        sa.ForeignKeyConstraint(
            ["delivery_id"],
            ["webhook_deliveries.delivery_id"],
            name="webhook_attempts_delivery_id_fkey",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("delivery_id", "number", name="webhook_attempts_pkey"),
    )
    op.create_table(
        "webhook_position",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("position", name="webhook_position_pkey"),
    )
    op.create_table(
        "webhook_gaps",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "below_xid",
            sa.BigInteger(),
            nullable=False,
            comment="Once no transaction below it is open, the position will never appear.",
        ),
        sa.Column("seen_at", _AT, nullable=False),
        sa.PrimaryKeyConstraint("position", name="webhook_gaps_pkey"),
    )
    op.execute("INSERT INTO webhook_position SELECT coalesce(max(position), 0) FROM outbox")
    # Nothing consumed these topics before, so their rows were never marked done.
    op.execute(f"UPDATE outbox SET done_at = clock_timestamp() WHERE done_at IS NULL AND topic IN {_OWN_TOPICS}")
    op.alter_column("audit_log", "claim_id", nullable=True, comment="Null: not about a claim.")
    op.alter_column(
        "audit_log",
        "details",
        comment="Status and money before and after, or what was changed; no member's data.",
    )


def downgrade() -> None:
    """Drops every endpoint and delivery; refused while the audit log has rows that are not about a claim."""
    op.alter_column("audit_log", "details", comment="Status and money before and after; no member's data.")
    op.alter_column("audit_log", "claim_id", nullable=False, comment=None)
    for table in ("gaps", "position", "attempts", "deliveries", "secrets", "endpoints"):
        op.drop_table(f"webhook_{table}")


def _of_endpoint(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["endpoint_id"], ["webhook_endpoints.endpoint_id"], name=f"{table}_endpoint_id_fkey", ondelete="CASCADE"
    )
