"""Sessions of the console that belong to a user, and what a person is shown of the own sessions."""

import sqlalchemy as sa
from alembic import op

revision = "0063"
down_revision = "0062"

_FAMILIES, _SESSIONS = "token_families", "console_sessions"
_KINDS = ("api", "console")


def upgrade() -> None:
    op.add_column(_FAMILIES, sa.Column("kind", sa.Text(), server_default="api", nullable=False))
    op.add_column(
        _FAMILIES,
        sa.Column(
            "authenticated_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When the person proved to be it; null: at created_at.",
        ),
    )
    op.add_column(_FAMILIES, sa.Column("address", sa.Text(), nullable=True, comment="Network address of the sign-in."))
    op.add_column(
        _FAMILIES,
        sa.Column("agent", sa.Text(), nullable=True, comment="The program that signed in, as it names itself."),
    )
    op.create_check_constraint("token_families_kind_check", _FAMILIES, f"kind IN {_KINDS}")
    op.add_column(_SESSIONS, sa.Column("family_id", sa.Text(), nullable=True, comment="Of a user; null: of a key."))
    op.create_foreign_key(
        "console_sessions_family_id_fkey", _SESSIONS, _FAMILIES, ["family_id"], ["family_id"], ondelete="CASCADE"
    )
    op.create_index("console_sessions_family_id_idx", _SESSIONS, ["family_id"])


def downgrade() -> None:
    op.execute(f"DELETE FROM {_SESSIONS} WHERE family_id IS NOT NULL")
    op.execute(f"DELETE FROM {_FAMILIES} WHERE kind = 'console'")
    op.drop_column(_SESSIONS, "family_id")
    op.drop_constraint("token_families_kind_check", _FAMILIES)
    for column in ("agent", "address", "authenticated_at", "kind"):
        op.drop_column(_FAMILIES, column)
