"""Archives of the audit log: rows leave the database once an archive that is named here has them.

No role has the right to remove rows. The owner of the tables gives it to itself in the transaction of an archive, and a
trigger refuses every row that no archive has.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0093"
down_revision = "0092"

_LOG, _ARCHIVES = "audit_log", "audit_archives"
_SEES = "coalesce(current_setting('ginja.sees', true), ginja_no_caller())"
_ALL = f"(SELECT nullif({_SEES} = 'all', false)) IS NOT NULL"


def upgrade() -> None:
    op.create_table(
        _ARCHIVES,
        sa.Column("archive", sa.Text(), nullable=False, comment="Name of its folder."),
        sa.Column("folder", sa.Text(), nullable=False, comment="Where its folder was written."),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_seal", sa.BigInteger(), nullable=False),
        sa.Column("last_seal", sa.BigInteger(), nullable=False),
        sa.Column("last_audit_id", sa.BigInteger(), nullable=False, comment="The last row that it has."),
        sa.Column("manifest", sa.LargeBinary(), nullable=False, comment="As it is in the folder."),
        sa.Column("signature", sa.LargeBinary(), nullable=False, comment="Of the manifest."),
        sa.Column(
            "members",
            postgresql.ARRAY(sa.Text()),
            nullable=False,
            comment="Whose keys encrypt changes in it, which are kept for that.",
        ),
        sa.CheckConstraint("first_seal <= last_seal", name="audit_archives_seals_check"),
        sa.PrimaryKeyConstraint("archive", name="audit_archives_pkey"),
        sa.UniqueConstraint("first_seal", name="audit_archives_first_seal_key"),
        sa.UniqueConstraint("last_seal", name="audit_archives_last_seal_key"),
    )
    op.execute(
        f"""
        CREATE TRIGGER {_ARCHIVES}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {_ARCHIVES}
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
        """
    )
    role = op.get_bind().exec_driver_sql("SELECT quote_ident(current_user || '_api')").scalar_one()
    op.execute(f"REVOKE INSERT, UPDATE, DELETE ON {_ARCHIVES} FROM {role}")
    op.execute(f"ALTER TABLE {_ARCHIVES} ENABLE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY seen ON {_ARCHIVES} USING ({_ALL})")
    op.execute(
        f"""
        CREATE FUNCTION refuse_unarchived_entry() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF OLD.audit_id <= (SELECT max(last_audit_id) FROM {_ARCHIVES}) THEN
                RETURN OLD;
            END IF;
            RAISE EXCEPTION '% is append only: record a new row that supersedes the old', TG_TABLE_NAME
                USING ERRCODE = 'restrict_violation';
        END $$
        """
    )
    schema = op.get_bind().exec_driver_sql("SELECT quote_ident(current_schema())").scalar_one()
    op.execute(f"ALTER FUNCTION refuse_unarchived_entry() SET search_path = {schema}, pg_temp")
    op.execute(f"DROP TRIGGER {_LOG}_append_only ON {_LOG}")
    op.execute(
        f"""
        CREATE TRIGGER {_LOG}_append_only BEFORE UPDATE OR TRUNCATE ON {_LOG}
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
        """
    )
    op.execute(
        f"""
        CREATE TRIGGER {_LOG}_kept BEFORE DELETE ON {_LOG}
        FOR EACH ROW EXECUTE FUNCTION refuse_unarchived_entry()
        """
    )


def downgrade() -> None:
    """The release before calls archived rows removed: keep the archives, and what they had in this table."""
    op.execute(f"DROP TRIGGER {_LOG}_kept ON {_LOG}")
    op.execute("DROP FUNCTION refuse_unarchived_entry()")
    op.execute(f"DROP TRIGGER {_LOG}_append_only ON {_LOG}")
    op.execute(
        f"""
        CREATE TRIGGER {_LOG}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {_LOG}
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
        """
    )
    op.drop_table(_ARCHIVES)
