"""Notifications by e-mail, stored reports, and decisions of persons by day."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0036"
down_revision = "0035"

_AT = sa.DateTime(timezone=True)
_EVENTS = (
    "('claim.in_review', 'prompt_pay.due', 'work.failed', 'webhook_endpoint.disabled', 'model.promoted', "
    "'policy.activated', 'edit.suspended', 'report.daily_decisions', 'report.provider_scorecards')"
)


def upgrade() -> None:
    op.create_table(
        "notification_subscriptions",
        sa.Column("subscription_id", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column(
            "recipient", sa.Text(), nullable=False, comment="E-mail address of a person or a team of the insurer."
        ),
        sa.Column(
            "minimum_cents", sa.BigInteger(), nullable=True, comment="Only claims of at least this amount; null: all."
        ),
        sa.Column("created_at", _AT, nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.CheckConstraint(f"event IN {_EVENTS}", name="notification_subscriptions_event_check"),
        sa.CheckConstraint(
            "minimum_cents IS NULL OR (minimum_cents > 0 AND event = 'claim.in_review')",
            name="notification_subscriptions_minimum_check",
        ),
        sa.PrimaryKeyConstraint("subscription_id", name="notification_subscriptions_pkey"),
    )
    op.create_index(
        "notification_subscriptions_recipient_key",
        "notification_subscriptions",
        ["event", sa.text("lower(recipient)")],
        unique=True,
    )
    op.create_table(
        "mails",
        sa.Column("mail_id", sa.Text(), nullable=False, comment="Sent as Message-ID, the same at each attempt."),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column(
            "report_ids",
            postgresql.ARRAY(sa.Text()),
            server_default="{}",
            nullable=False,
            comment="Reports whose files are attached.",
        ),
        sa.Column("created_at", _AT, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column(
            "due_at",
            _AT,
            nullable=True,
            comment="Of the next attempt; while a worker sends it, the end of its lease.",
        ),
        sa.Column(
            "answer",
            sa.Text(),
            nullable=True,
            comment="Of the server to the last attempt, or why there was none.",
        ),
        sa.Column("finished_at", _AT, nullable=True),
        sa.CheckConstraint("status IN ('pending', 'sent', 'failed')", name="mails_status_check"),
        sa.CheckConstraint("(status = 'pending') = (due_at IS NOT NULL)", name="mails_due_check"),
        sa.PrimaryKeyConstraint("mail_id", name="mails_pkey"),
    )
    op.create_index("mails_due_idx", "mails", ["due_at"], postgresql_where="status = 'pending'")
    op.create_index("mails_created_at_idx", "mails", ["created_at", "mail_id"])
    op.create_index("mails_recipient_idx", "mails", ["recipient", "created_at"])
    op.create_table(
        "notifications",
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False, comment="Follows from what happened."),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False, comment="Ids only; no member's data."),
        sa.Column("link", sa.Text(), nullable=True, comment="Path of a page of the console."),
        sa.Column("occurred_at", _AT, nullable=False),
        sa.Column("mail_id", sa.Text(), nullable=True, comment="The message that has it; null: none yet."),
        sa.ForeignKeyConstraint(["mail_id"], ["mails.mail_id"], name="notifications_mail_id_fkey", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("recipient", "event_id", name="notifications_pkey"),
    )
    op.create_index(
        "notifications_waiting_idx", "notifications", ["recipient", "occurred_at"], postgresql_where="mail_id IS NULL"
    )
    op.create_index("notifications_mail_id_idx", "notifications", ["mail_id"])
    op.create_table(
        "reports",
        sa.Column("report_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("report_key", sa.Text(), nullable=False, comment="What it is about; it is made once."),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Text(), nullable=True, comment="Null: it is not about a provider."),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("made_at", _AT, nullable=False),
        sa.Column("pdf", sa.LargeBinary(), nullable=False),
        sa.Column("csv", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("kind IN ('daily_decisions', 'provider_scorecard')", name="reports_kind_check"),
        sa.PrimaryKeyConstraint("report_id", name="reports_pkey"),
    )
    op.create_index("reports_report_key_key", "reports", ["report_key"], unique=True)
    op.create_index("reports_made_at_idx", "reports", ["made_at", "report_id"])
    op.create_index("decisions_made_at_idx", "decisions", ["made_at"])


def downgrade() -> None:
    """Drops every subscription, message and stored report."""
    op.drop_index("decisions_made_at_idx", "decisions")
    for table in ("reports", "notifications", "mails", "notification_subscriptions"):
        op.drop_table(table)
