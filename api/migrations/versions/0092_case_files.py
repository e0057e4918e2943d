"""Files of cases, with who obtained, read and withdrew them."""

import sqlalchemy as sa
from alembic import op

revision = "0092"
down_revision = "0091"

_SEES = "coalesce(current_setting('ginja.sees', true), ginja_no_caller())"
_ALL = f"(SELECT nullif({_SEES} = 'all', false)) IS NOT NULL"
_TABLES = ("case_files", "case_file_parts", "case_file_scans", "case_file_accesses", "case_file_withdrawals")
_ACTOR = "Id of the key or user."
_SEALED = "Encrypted with a data key."


def upgrade() -> None:
    op.create_table(
        "case_files",
        sa.Column("file_id", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("task_id", sa.Text(), nullable=True, comment="The records request that it answers."),
        sa.Column("name_sealed", sa.LargeBinary(), nullable=False, comment=_SEALED),
        sa.Column("obtained_from_sealed", sa.LargeBinary(), nullable=False, comment=_SEALED),
        sa.Column("obtained_on", sa.Date(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False, comment="By its content."),
        sa.Column("size", sa.BigInteger(), nullable=False, comment="In bytes."),
        sa.Column("sha256", sa.Text(), nullable=False, comment="Of the file as it was sent, in hex."),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False, comment=_ACTOR),
        sa.Column("added_name", sa.Text(), nullable=False),
        sa.CheckConstraint("size > 0", name="case_files_size_check"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name="case_files_case_id_fkey"),
        sa.ForeignKeyConstraint(["task_id"], ["case_tasks.task_id"], name="case_files_task_id_fkey"),
        sa.PrimaryKeyConstraint("file_id", name="case_files_pkey"),
    )
    op.create_index("case_files_case_id_added_at_idx", "case_files", ["case_id", "added_at"])
    op.create_table(
        "case_file_parts",
        sa.Column("file_id", sa.Text(), nullable=False),
        sa.Column("begins", sa.BigInteger(), nullable=False, comment="Offset of its first byte."),
        sa.Column("content_sealed", sa.LargeBinary(), nullable=False, comment=_SEALED),
        _of_file("case_file_parts"),
        sa.PrimaryKeyConstraint("file_id", "begins", name="case_file_parts_pkey"),
    )
    op.create_table(
        "case_file_scans",
        sa.Column("file_id", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signature", sa.Text(), nullable=True, comment="What it found."),
        _of_file("case_file_scans"),
        sa.PrimaryKeyConstraint("file_id", name="case_file_scans_pkey"),
    )
    op.create_table(
        "case_file_accesses",
        sa.Column("access_id", sa.Text(), nullable=False),
        sa.Column("file_id", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_id", sa.Text(), nullable=False, comment=_ACTOR),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        _of_file("case_file_accesses"),
        sa.PrimaryKeyConstraint("access_id", name="case_file_accesses_pkey"),
    )
    op.create_index("case_file_accesses_file_id_at_idx", "case_file_accesses", ["file_id", "at"])
    op.create_table(
        "case_file_withdrawals",
        sa.Column("file_id", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_id", sa.Text(), nullable=False, comment=_ACTOR),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("reason_sealed", sa.LargeBinary(), nullable=False, comment=_SEALED),
        _of_file("case_file_withdrawals"),
        sa.PrimaryKeyConstraint("file_id", name="case_file_withdrawals_pkey"),
    )
    for table in _TABLES:
        op.execute(
            f"""
            CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
            """
        )
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY seen ON {table} USING ({_ALL})")


def _of_file(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["file_id"], ["case_files.file_id"], name=f"{table}_file_id_fkey")


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)
