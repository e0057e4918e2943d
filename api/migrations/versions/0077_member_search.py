"""The blind index by which members are found; `ginja crypto encrypt` fills it for the members that there are."""

import sqlalchemy as sa
from alembic import op

revision = "0077"
down_revision = "0076"

_SEES = "coalesce(current_setting('ginja.sees', true), ginja_no_caller())"
_ALL = f"(SELECT nullif({_SEES} = 'all', false)) IS NOT NULL"


def upgrade() -> None:
    op.create_table(
        "member_search",
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column(
            "key_id",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="The data key that the key of the index is derived of.",
        ),
        sa.Column("field", sa.Text(), nullable=False, comment="What it is of: name, name_birth_date, birth_date."),
        sa.Column("entry", sa.LargeBinary(), nullable=False, comment="First bytes of an HMAC-SHA-256."),
        sa.CheckConstraint("field IN ('name', 'name_birth_date', 'birth_date')", name="member_search_field_check"),
        sa.ForeignKeyConstraint(
            ["member_id"],
            ["members.member_id"],
            name="member_search_member_id_fkey",
            ondelete="CASCADE",
            deferrable=True,
            initially="DEFERRED",
        ),
        sa.PrimaryKeyConstraint("member_id", "key_id", "field", "entry", name="member_search_pkey"),
    )
    op.create_index(
        "member_search_key_id_field_entry_member_id_idx", "member_search", ["key_id", "field", "entry", "member_id"]
    )
    # A provider or member finds nobody by it.
    op.execute("ALTER TABLE member_search ENABLE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY seen ON member_search USING ({_ALL})")


def downgrade() -> None:
    op.drop_table("member_search")
