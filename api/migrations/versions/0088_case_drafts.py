"""What a person had written in a form of a case when their session ended."""

import sqlalchemy as sa
from alembic import op

revision = "0088"
down_revision = "0087"

_SEES = "coalesce(current_setting('ginja.sees', true), ginja_no_caller())"
_ALL = f"(SELECT nullif({_SEES} = 'all', false)) IS NOT NULL"


def upgrade() -> None:
    op.create_table(
        "case_drafts",
        sa.Column("actor_id", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("fields_sealed", sa.LargeBinary(), nullable=False, comment="JSON, encrypted with a data key."),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("actor_id", "case_id", name="case_drafts_pkey"),
    )
    op.create_index("case_drafts_kept_at_idx", "case_drafts", ["kept_at"])
    op.execute("ALTER TABLE case_drafts ENABLE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY seen ON case_drafts USING ({_ALL})")


def downgrade() -> None:
    op.drop_table("case_drafts")
