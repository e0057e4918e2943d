"""Evidence packs of cases: append-only."""

import sqlalchemy as sa
from alembic import op

revision = "0087"
down_revision = "0086"

_SEES = "coalesce(current_setting('ginja.sees', true), ginja_no_caller())"
_ALL = f"(SELECT nullif({_SEES} = 'all', false)) IS NOT NULL"


def upgrade() -> None:
    op.create_table(
        "evidence_packs",
        sa.Column("pack_id", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("written_by", sa.Text(), nullable=False, comment="Id of the key or user."),
        sa.Column("written_name", sa.Text(), nullable=False),
        sa.Column("claims", sa.Integer(), nullable=False),
        sa.Column("billed_cents", sa.BigInteger(), nullable=False),
        sa.Column("paid_cents", sa.BigInteger(), nullable=False),
        sa.Column("at_risk_cents", sa.BigInteger(), nullable=False),
        sa.Column("pack_sha256", sa.Text(), nullable=False),
        sa.Column(
            "file_sealed",
            sa.LargeBinary(),
            nullable=False,
            comment="The JSON file, compressed by zlib, encrypted with a data key.",
        ),
        sa.Column("pdf_sealed", sa.LargeBinary(), nullable=False, comment="Encrypted with a data key."),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name="evidence_packs_case_id_fkey"),
        sa.PrimaryKeyConstraint("pack_id", name="evidence_packs_pkey"),
    )
    op.create_index("evidence_packs_case_id_written_at_idx", "evidence_packs", ["case_id", "written_at"])
    op.execute(
        """
        CREATE TRIGGER evidence_packs_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON evidence_packs
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
        """
    )
    op.execute("ALTER TABLE evidence_packs ENABLE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY seen ON evidence_packs USING ({_ALL})")


def downgrade() -> None:
    op.drop_table("evidence_packs")
