"""Files of claims that are uploaded and submitted by a worker."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    op.create_table(
        "bulk_jobs",
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column(
            "api_key_id",
            sa.Text(),
            nullable=False,
            comment="Who uploads it; its claims are submitted with the same rights.",
        ),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False, comment="Bytes of the file, as announced."),
        sa.Column("received", sa.BigInteger(), nullable=False, comment="Bytes that have arrived."),
        sa.Column("sha256", sa.Text(), nullable=True, comment="Of the file: as announced, then as computed."),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_offset", sa.BigInteger(), nullable=False, comment="The first byte that was not submitted."),
        sa.Column("next_line", sa.Integer(), nullable=False, comment="The line that begins there."),
        sa.Column("accepted", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("lease", sa.Text(), nullable=True, comment="Of the worker that submits a part of it."),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True, comment="Nobody takes it before."),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.CheckConstraint("format IN ('csv', 'ndjson')", name="bulk_jobs_format_check"),
        sa.CheckConstraint(
            "status IN ('uploading', 'queued', 'running', 'done', 'failed', 'cancelled')",
            name="bulk_jobs_status_check",
        ),
        sa.CheckConstraint("received BETWEEN 0 AND size", name="bulk_jobs_received_check"),
        sa.PrimaryKeyConstraint("job_id", name="bulk_jobs_pkey"),
    )
    op.create_index(
        "bulk_jobs_open_idx",
        "bulk_jobs",
        ["uploaded_at", "job_id"],
        postgresql_where="status IN ('queued', 'running')",
    )
    op.create_table(
        "bulk_chunks",
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("begins", sa.BigInteger(), nullable=False, comment="Offset of its first byte."),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["bulk_jobs.job_id"], name="bulk_chunks_job_id_fkey", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "begins", name="bulk_chunks_pkey"),
    )
    # Not compressed, so that a part of a chunk is read without the rest.
    op.execute("ALTER TABLE bulk_chunks ALTER COLUMN content SET STORAGE EXTERNAL")
    op.create_table(
        "bulk_rejects",
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False, comment="In the file, from 1."),
        sa.Column("place", sa.Integer(), nullable=False, comment="Of the line's reasons, from 1."),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("remedy", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["bulk_jobs.job_id"], name="bulk_rejects_job_id_fkey", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "line", "place", name="bulk_rejects_pkey"),
    )


def downgrade() -> None:
    """Drops every upload and its rejects; claims that were submitted stay."""
    for table in ("bulk_rejects", "bulk_chunks", "bulk_jobs"):
        op.drop_table(table)
