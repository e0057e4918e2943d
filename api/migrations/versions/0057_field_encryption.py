"""Keys that encrypt fields, and columns beside those in clear for who members are.

The release that runs until it is restarted reads the columns in clear; `ginja crypto encrypt` empties them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0057"
down_revision = "0054"

_SEALED = ("name_sealed", "birth_date_sealed", "sex_sealed")
_NOT_COMPARED = {"old": "name, region", "new": "name, name_sealed, region"}
"""What no rule reads of a member."""


def upgrade() -> None:
    op.create_table(
        "data_keys",
        sa.Column("key_id", sa.Integer(), sa.Identity(), nullable=False, comment="In each value that it encrypted."),
        sa.Column("purpose", sa.Text(), nullable=False, comment="What it encrypts; the newest of a purpose encrypts."),
        sa.Column("provider", sa.Text(), nullable=False, comment="Of the master key: file."),
        sa.Column("master_version", sa.Text(), nullable=False, comment="Of the master key that wrapped it."),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key_id", name="data_keys_pkey"),
    )
    op.create_index("data_keys_purpose_key_id_idx", "data_keys", ["purpose", "key_id"])
    op.create_table(
        "member_keys",
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Integer(), nullable=True, comment="The data key that wrapped it."),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=True, comment="Null: the member was erased."),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "CASE WHEN erased_at IS NULL THEN num_nonnulls(key_id, wrapped_key) = 2 "
            "ELSE num_nonnulls(key_id, wrapped_key) = 0 END",
            name="member_keys_erased_check",
        ),
        sa.ForeignKeyConstraint(["key_id"], ["data_keys.key_id"], name="member_keys_key_id_fkey"),
        sa.PrimaryKeyConstraint("member_id", name="member_keys_pkey"),
    )
    op.create_index("member_keys_key_id_member_id_idx", "member_keys", ["key_id", "member_id"])
    for table in ("data_keys", "member_keys"):
        op.execute(
            f"""
            CREATE TRIGGER {table}_kept BEFORE DELETE OR TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
            """
        )
    op.execute(
        """
        CREATE FUNCTION keep_erased() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NEW IS DISTINCT FROM OLD THEN
                RAISE EXCEPTION 'a member that was erased has no key again';
            END IF;
            RETURN NEW;
        END $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER member_keys_erased BEFORE UPDATE ON member_keys
        FOR EACH ROW WHEN (OLD.erased_at IS NOT NULL) EXECUTE FUNCTION keep_erased()
        """
    )
    for name in _SEALED:
        comment = "Encrypted with the member's key." if name == _SEALED[0] else "The same."
        op.add_column("members", sa.Column(name, sa.LargeBinary(), nullable=True, comment=comment))
    _compare_members(_NOT_COMPARED["new"])


def _compare_members(not_compared: str) -> None:
    op.execute("DROP TRIGGER members_rescreening ON members")
    op.execute(
        f"""
        CREATE TRIGGER members_rescreening AFTER UPDATE ON members
        REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
        FOR EACH STATEMENT EXECUTE FUNCTION record_rescreening('member', 'member_id', '{not_compared}')
        """
    )


def downgrade() -> None:
    """Drops who every member is that was encrypted, and all keys."""
    _compare_members(_NOT_COMPARED["old"])
    for name in _SEALED:
        op.drop_column("members", name)
    op.drop_table("member_keys")
    op.execute("DROP FUNCTION keep_erased")
    op.drop_table("data_keys")
