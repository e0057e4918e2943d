"""Recipients of notifications, whose addresses are encrypted, and encrypted columns of messages beside those in clear.

The release that runs until it is restarted reads addresses in place of the ids of recipients; `ginja crypto encrypt`
replaces them and empties the columns in clear.
"""

import sqlalchemy as sa
from alembic import op

revision = "0081"
down_revision = "0080"

_CLEAR = "In clear, of an earlier release."
_RECIPIENT = "Id of a recipient; an address of an earlier release until `ginja crypto encrypt`."
_BEFORE = {
    "notification_subscriptions": "E-mail address of a person or a team of the insurer.",
    "notifications": None,
    "mails": None,
}
_SEES = "coalesce(current_setting('ginja.sees', true), ginja_no_caller())"
_ALL = f"(SELECT nullif({_SEES} = 'all', false)) IS NOT NULL"


def upgrade() -> None:
    op.create_table(
        "recipients",
        sa.Column("recipient_id", sa.Text(), nullable=False),
        sa.Column(
            "address_sealed",
            sa.LargeBinary(),
            nullable=False,
            comment="E-mail address of a person or a team of the insurer, encrypted with a data key.",
        ),
        sa.Column(
            "address_index",
            sa.LargeBinary(),
            nullable=False,
            comment="Keyed hash of the address in lower case, by which it is searched for.",
        ),
        sa.Column(
            "named_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When a subscription to be added named it last.",
        ),
        sa.PrimaryKeyConstraint("recipient_id", name="recipients_pkey"),
        sa.UniqueConstraint("address_index", name="recipients_address_index_key"),
    )
    op.execute("ALTER TABLE recipients ENABLE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY seen ON recipients USING ({_ALL})")
    for table, before in _BEFORE.items():
        op.alter_column(table, "recipient", existing_type=sa.Text(), comment=_RECIPIENT, existing_comment=before)
    for column in ("subject", "body"):
        op.add_column(
            "mails",
            sa.Column(f"{column}_sealed", sa.LargeBinary(), nullable=True, comment="Encrypted with a data key."),
        )
        op.alter_column("mails", column, existing_type=sa.Text(), nullable=True, comment=_CLEAR)
    # Rows that are there have both in clear; they are not read to check it.
    op.execute(
        "ALTER TABLE mails ADD CONSTRAINT mails_texts_check "
        "CHECK (num_nonnulls(subject, subject_sealed) = 1 AND num_nonnulls(body, body_sealed) = 1) NOT VALID"
    )


def downgrade() -> None:
    """Drops what was encrypted: subscriptions, lines and messages of recipients that have ids are deleted."""
    op.drop_constraint("mails_texts_check", "mails")
    op.execute("DELETE FROM notifications WHERE strpos(recipient, '@') = 0")
    op.execute("DELETE FROM mails WHERE strpos(recipient, '@') = 0 OR subject IS NULL OR body IS NULL")
    op.execute("DELETE FROM notification_subscriptions WHERE strpos(recipient, '@') = 0")
    for column in ("body", "subject"):
        op.alter_column("mails", column, existing_type=sa.Text(), nullable=False, comment=None, existing_comment=_CLEAR)
        op.drop_column("mails", f"{column}_sealed")
    for table, before in _BEFORE.items():
        op.alter_column(table, "recipient", existing_type=sa.Text(), comment=before, existing_comment=_RECIPIENT)
    op.drop_table("recipients")
