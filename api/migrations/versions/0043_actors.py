"""Sessions of the console belong to an actor: an API key or a user.

The columns keep the name `api_key_id` in the database, because the release that runs until it is restarted uses it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"

_SESSIONS = "console_sessions"
_KEY = "console_sessions_api_key_id_fkey"
_COMMENTS = {
    "audit_log": ("The key or the user that acted.", "The key that was used."),
    _SESSIONS: ("The key or the user that signed in.", None),
}


def upgrade() -> None:
    op.drop_constraint(_KEY, _SESSIONS, type_="foreignkey")
    for table, (comment, _) in _COMMENTS.items():
        op.alter_column(table, "api_key_id", existing_type=sa.Text(), existing_nullable=False, comment=comment)


def downgrade() -> None:
    for table, (_, comment) in _COMMENTS.items():
        op.alter_column(table, "api_key_id", existing_type=sa.Text(), existing_nullable=False, comment=comment)
    op.execute("DELETE FROM console_sessions WHERE api_key_id NOT IN (SELECT api_key_id FROM api_keys)")
    op.create_foreign_key(_KEY, _SESSIONS, "api_keys", ["api_key_id"], ["api_key_id"])
