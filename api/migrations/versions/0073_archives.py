"""Archives: rows of closed claims leave the database for signed Parquet files, and an index says which archive has a
claim.

Rows of append-only tables are deleted only if that index has their claim, and only the owner of the tables adds to it.
The audit log keeps the ids of claims that are archived, so it has no foreign key to them any more.
"""

import sqlalchemy as sa
from alembic import op

from api.migrate import create_index_beside_writes

revision = "0073"
down_revision = "0072"

_OF_CLAIMS = ("assessments", "decisions", "earlier_decisions", "dispositions", "selections", "appeals")
_OF_APPEALS = "appeal_decisions"
_INDEXES = (
    # Without them each row that is deleted reads the whole table that refers to it.
    ("claims_decision_id_idx", "claims", "decision_id", "decision_id IS NOT NULL"),
    ("decisions_assessment_id_idx", "decisions", "assessment_id", "assessment_id IS NOT NULL"),
    ("appeals_decision_id_idx", "appeals", "decision_id", "decision_id IS NOT NULL"),
    ("appeal_decisions_decision_id_idx", "appeal_decisions", "decision_id", "decision_id IS NOT NULL"),
    ("earlier_decisions_claim_id_idx", "earlier_decisions", "claim_id", None),
)
_SEEN = (
    "(SELECT nullif(current_setting('ginja.sees', true) = 'all', false)) IS NOT NULL"
    " OR provider_id = (SELECT nullif(current_setting('ginja.provider_id', true), ''))"
    " OR member_id = (SELECT nullif(current_setting('ginja.member_id', true), ''))"
)
_REFUSED = """
    RAISE EXCEPTION '% is append only: record a new row that supersedes the old', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
"""


def upgrade() -> None:
    with op.get_context().autocommit_block():  # claims are written meanwhile
        for name, table, column, where in _INDEXES:
            create_index_beside_writes(name, table, [column], where=where)
    op.create_table(
        "archives",
        sa.Column("archive", sa.Text(), nullable=False, comment="Name of its folder."),
        sa.Column("kind", sa.Text(), nullable=False, comment="Kind of data."),
        sa.Column("folder", sa.Text(), nullable=False, comment="Where its folder was written."),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "archived_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When its rows were deleted here; null: it is being written, or was interrupted.",
        ),
        sa.Column("claims", sa.Integer(), nullable=True),
        sa.Column("first_received_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_received_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("manifest_sha256", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("archive", name="archives_pkey"),
    )
    op.create_table(
        "archived_claims",
        sa.Column("claim_id", sa.Text(), nullable=False),
        sa.Column("archive", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Text(), nullable=True),
        sa.Column("provider_id", sa.Text(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "restored_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When it was restored; null: it is in the archive only.",
        ),
        sa.ForeignKeyConstraint(["archive"], ["archives.archive"], name="archived_claims_archive_fkey"),
        sa.PrimaryKeyConstraint("claim_id", name="archived_claims_pkey"),
    )
    op.create_index("archived_claims_archive_idx", "archived_claims", ["archive"])
    op.create_index("archived_claims_member_id_idx", "archived_claims", ["member_id"])
    op.create_index("archived_claims_received_at_idx", "archived_claims", ["received_at"])
    role = op.get_bind().exec_driver_sql("SELECT quote_ident(current_user || '_api')").scalar_one()
    for table in ("archives", "archived_claims"):
        op.execute(f"REVOKE INSERT, UPDATE, DELETE ON {table} FROM {role}")
    op.execute("ALTER TABLE archived_claims ENABLE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY seen ON archived_claims USING ({_SEEN})")
    op.drop_constraint("audit_log_claim_id_fkey", "audit_log", type_="foreignkey")
    archived = "SELECT FROM archived_claims AS one WHERE one.restored_at IS NULL AND one.claim_id = "
    of_claim = f"EXISTS ({archived} OLD.claim_id)"
    of_appeal = f"EXISTS ({archived} (SELECT claim_id FROM appeals WHERE appeal_id = OLD.appeal_id))"
    for function, is_archived in (("refuse_unarchived", of_claim), ("refuse_unarchived_appeal", of_appeal)):
        op.execute(
            f"""
            CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF {is_archived} THEN
                    RETURN OLD;
                END IF;
                {_REFUSED}
            END $$
            """
        )
    for table in (*_OF_CLAIMS, _OF_APPEALS):
        op.execute(f"DROP TRIGGER {table}_append_only ON {table}")
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        function = "refuse_unarchived_appeal" if table == _OF_APPEALS else "refuse_unarchived"
        op.execute(f"CREATE TRIGGER {table}_kept BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {function}()")


def downgrade() -> None:
    """Restore what is archived before: without the index nothing says where it is."""
    for table in (*_OF_CLAIMS, _OF_APPEALS):
        op.execute(f"DROP TRIGGER {table}_kept ON {table}")
        op.execute(f"DROP TRIGGER {table}_append_only ON {table}")
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    op.execute("DROP FUNCTION refuse_unarchived()")
    op.execute("DROP FUNCTION refuse_unarchived_appeal()")
    # Rows about claims that are archived refer to none; new ones do.
    op.execute(
        "ALTER TABLE audit_log ADD CONSTRAINT audit_log_claim_id_fkey FOREIGN KEY (claim_id) "
        "REFERENCES claims (claim_id) NOT VALID"
    )
    op.drop_table("archived_claims")
    op.drop_table("archives")
    for name, table, _, _ in _INDEXES:
        op.drop_index(name, table)
