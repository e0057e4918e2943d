"""Encrypted columns of what people write about claims, beside those in clear.

The release that runs until it is restarted reads the columns in clear; `ginja crypto encrypt` empties them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0066"
down_revision = "0065"

_CLEAR = "In clear, of an earlier release."
_NOTES = ("decisions", "appeal_decisions", "dispositions", "rescreening_findings")
_REASON = "In the appellant's words, without a member's name."


def upgrade() -> None:
    for table in _NOTES:
        comment = "Encrypted with the member's key."
        op.add_column(table, sa.Column("note_sealed", sa.LargeBinary(), nullable=True, comment=comment))
        op.alter_column(table, "note", existing_type=sa.Text(), comment=_CLEAR)
    op.add_column(
        "appeals",
        sa.Column(
            "reason_sealed",
            sa.LargeBinary(),
            nullable=True,
            comment="In the appellant's words, encrypted with the member's key.",
        ),
    )
    op.alter_column(
        "appeals", "reason", existing_type=sa.Text(), nullable=True, comment=_CLEAR, existing_comment=_REASON
    )
    # Neither: the member was erased. Rows that are there have the reason in clear; they are not read to check it.
    op.execute(
        "ALTER TABLE appeals ADD CONSTRAINT appeals_reason_check CHECK (num_nonnulls(reason, reason_sealed) <= 1) "
        "NOT VALID"
    )
    # A text is sealed by a member's key, whose id is 1, or by a data key: no data key that is made now has that id.
    op.execute(
        "SELECT setval(pg_get_serial_sequence('data_keys', 'key_id'), 1) WHERE NOT EXISTS (SELECT FROM data_keys)"
    )


def downgrade() -> None:
    """Drops every text that was encrypted; a reason of an appeal then says that."""
    op.execute("ALTER TABLE appeals DROP CONSTRAINT appeals_reason_check")
    op.execute("ALTER TABLE appeals DISABLE TRIGGER appeals_append_only")
    op.execute("UPDATE appeals SET reason = 'encrypted by a later release' WHERE reason IS NULL")
    op.execute("ALTER TABLE appeals ENABLE TRIGGER appeals_append_only")
    op.alter_column("appeals", "reason", existing_type=sa.Text(), nullable=False, comment=_REASON)
    op.drop_column("appeals", "reason_sealed")
    for table in reversed(_NOTES):
        op.alter_column(table, "note", existing_type=sa.Text(), comment=None)
        op.drop_column(table, "note_sealed")
