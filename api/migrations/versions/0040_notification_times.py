"""When a line was added, which is what its retention follows; and lines that name their message before it is stored."""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"

_TABLE = "notifications"
_MAIL = "notifications_mail_id_fkey"


def upgrade() -> None:
    """A line that a message has was added before it; one that waits is kept from now on."""
    comment = "When it was added; a condition may have begun long before."
    op.add_column(_TABLE, sa.Column("created_at", sa.DateTime(timezone=True), nullable=True, comment=comment))
    op.execute(
        "UPDATE notifications SET created_at = coalesce("
        "(SELECT mails.created_at FROM mails WHERE mails.mail_id = notifications.mail_id), now())"
    )
    # The release that runs until it is restarted adds lines without it.
    op.alter_column(_TABLE, "created_at", nullable=False, server_default=sa.func.now())
    op.execute(f"ALTER TABLE {_TABLE} ALTER CONSTRAINT {_MAIL} DEFERRABLE INITIALLY DEFERRED")


def downgrade() -> None:
    op.execute(f"ALTER TABLE {_TABLE} ALTER CONSTRAINT {_MAIL} NOT DEFERRABLE")
    op.drop_column(_TABLE, "created_at")
