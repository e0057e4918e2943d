"""Encrypted columns of the documents of appeals and of what reviewers request, beside those in clear.

The release that runs until it is restarted reads the columns in clear, and of later rows an empty list; `ginja crypto
encrypt` empties them.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0082"
down_revision = "0081"

_CLEAR = "In clear, of an earlier release."
_OF_APPEAL = "Name, media type and SHA-256 of each; the documents themselves are kept elsewhere."
_SEALED_OF_APPEAL = (
    "Name, media type and SHA-256 of each document, which is kept elsewhere; encrypted with the member's key."
)


def upgrade() -> None:
    op.add_column("appeals", sa.Column("documents_sealed", sa.LargeBinary(), nullable=True, comment=_SEALED_OF_APPEAL))
    op.alter_column(
        *("appeals", "documents"),
        existing_type=postgresql.JSONB(),
        nullable=True,
        comment=_CLEAR,
        existing_comment=_OF_APPEAL,
    )
    op.add_column(
        "decisions",
        sa.Column(
            "documents_sealed",
            sa.LargeBinary(),
            nullable=True,
            comment="Names of requested documents, encrypted with the member's key.",
        ),
    )
    op.alter_column(
        *("decisions", "documents"), existing_type=postgresql.ARRAY(sa.Text()), nullable=True, comment=_CLEAR
    )
    op.drop_constraint("decisions_pend_check", "decisions")
    # Rows that are there met a stricter one; they are not read to check it.
    op.execute(
        "ALTER TABLE decisions ADD CONSTRAINT decisions_pend_check CHECK (effect <> 'pended' OR (due_on IS NOT NULL "
        "AND (documents_sealed IS NOT NULL OR documents IS DISTINCT FROM '{}'))) NOT VALID"
    )


def downgrade() -> None:
    """Drops what was encrypted; a decision that requested documents then says that."""
    op.execute("ALTER TABLE decisions DISABLE TRIGGER decisions_append_only")
    op.execute(
        "UPDATE decisions SET documents = CASE WHEN effect = 'pended' "
        "THEN ARRAY['encrypted by a later release'] ELSE '{}' END "
        "WHERE documents IS NULL OR documents_sealed IS NOT NULL"
    )
    op.execute("ALTER TABLE decisions ENABLE TRIGGER decisions_append_only")
    op.drop_constraint("decisions_pend_check", "decisions")
    op.create_check_constraint(
        "decisions_pend_check", "decisions", "effect <> 'pended' OR (due_on IS NOT NULL AND documents <> '{}')"
    )
    op.alter_column(
        *("decisions", "documents"),
        existing_type=postgresql.ARRAY(sa.Text()),
        nullable=False,
        comment=None,
        existing_comment=_CLEAR,
    )
    op.drop_column("decisions", "documents_sealed")
    op.execute("ALTER TABLE appeals DISABLE TRIGGER appeals_append_only")
    op.execute("UPDATE appeals SET documents = '[]' WHERE documents IS NULL")
    op.execute("ALTER TABLE appeals ENABLE TRIGGER appeals_append_only")
    op.alter_column(
        *("appeals", "documents"),
        existing_type=postgresql.JSONB(),
        nullable=False,
        comment=_OF_APPEAL,
        existing_comment=_CLEAR,
    )
    op.drop_column("appeals", "documents_sealed")
