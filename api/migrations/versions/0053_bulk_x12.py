"""Files of X12 claims (837) are uploaded and submitted like the others."""

import sqlalchemy as sa
from alembic import op

revision = "0053"
down_revision = "0050"


def upgrade() -> None:
    op.drop_constraint("bulk_jobs_format_check", "bulk_jobs", type_="check")
    op.create_check_constraint("bulk_jobs_format_check", "bulk_jobs", "format IN ('csv', 'ndjson', 'x12')")
    op.add_column(
        "bulk_jobs",
        sa.Column(
            "position",
            sa.LargeBinary(),
            nullable=True,
            comment="Of an X12 file: where its transaction set begins, with the headers of its envelopes.",
        ),
    )
    _comments("The line, or segment, that begins there.", "In the file, from 1; of X12 the segment.")


def downgrade() -> None:
    """Deletes uploads of X12 files; claims that were submitted stay."""
    op.execute("DELETE FROM bulk_jobs WHERE format = 'x12'")
    op.drop_column("bulk_jobs", "position")
    op.drop_constraint("bulk_jobs_format_check", "bulk_jobs", type_="check")
    op.create_check_constraint("bulk_jobs_format_check", "bulk_jobs", "format IN ('csv', 'ndjson')")
    _comments("The line that begins there.", "In the file, from 1.")


def _comments(next_line: str, line: str) -> None:
    op.alter_column("bulk_jobs", "next_line", comment=next_line)
    op.alter_column("bulk_rejects", "line", comment=line)
