"""An encrypted column of the logins of users beside the one in clear, and a blind index by which they are found.

The release that runs until it is restarted reads the column in clear; `ginja crypto encrypt` empties it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0076"
down_revision = "0075"

_LOGIN = "E-mail address in lower case."


def upgrade() -> None:
    sealed = sa.Column(
        "login_sealed",
        sa.LargeBinary(),
        nullable=True,
        comment="E-mail address in lower case, encrypted with a data key.",
    )
    index = sa.Column(
        "login_index",
        sa.LargeBinary(),
        nullable=True,
        comment="Keyed hash of the login, by which it is searched for.",
    )
    op.add_column("users", sealed)
    op.add_column("users", index)
    op.create_unique_constraint("users_login_index_key", "users", ["login_index"])
    op.alter_column(
        "users",
        "login",
        existing_type=sa.Text(),
        nullable=True,
        comment="In clear, of an earlier release.",
        existing_comment=_LOGIN,
    )
    op.create_check_constraint(
        "users_login_sealed_check",
        "users",
        "num_nonnulls(login, login_sealed) = 1 AND (login_sealed IS NULL) = (login_index IS NULL)",
    )


def downgrade() -> None:
    """Drops what was encrypted: such a user then has its id as login, which nobody signs in with."""
    op.drop_constraint("users_login_sealed_check", "users")
    op.execute("UPDATE users SET login = lower(user_id) WHERE login IS NULL")
    op.alter_column(
        "users",
        "login",
        existing_type=sa.Text(),
        nullable=False,
        comment=_LOGIN,
        existing_comment="In clear, of an earlier release.",
    )
    op.drop_constraint("users_login_index_key", "users")
    op.drop_column("users", "login_index")
    op.drop_column("users", "login_sealed")
