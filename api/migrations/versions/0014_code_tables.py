"""The trade's tables that edits read; modifiers of a line, and the NPI of a provider whose id is none."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "code_table_imports",
        sa.Column("import_id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("release", sa.Text(), nullable=False, comment="Such as 2026Q4."),
        sa.Column(
            "valid_from",
            sa.Date(),
            nullable=False,
            comment="First day of service that it is for; 0001-01-01 where entries carry their own days.",
        ),
        sa.Column(
            "source",
            sa.Text(),
            nullable=False,
            comment="Where the file is from: its name, or what the person stated.",
        ),
        sa.Column("sha256", sa.Text(), nullable=False, comment="Of the file."),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column(
            "known_from",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="Claims received from then on are checked by it.",
        ),
        sa.Column("imported_by", sa.Text(), nullable=False),
        sa.Column(
            "known_until",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="Rolled back: claims received from then on are not.",
        ),
        sa.Column("rolled_back_by", sa.Text(), nullable=True),
        sa.CheckConstraint("kind IN ('mue', 'ptp', 'leie', 'hcpcs', 'icd10')", name="code_table_imports_kind_check"),
        sa.PrimaryKeyConstraint("import_id", name="code_table_imports_pkey"),
    )
    op.create_index("code_table_imports_kind_valid_from_idx", "code_table_imports", ["kind", "valid_from"])
    op.create_table(
        "code_table_entries",
        sa.Column("import_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("other", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False, comment="Among the entries of a code and other code."),
        sa.Column("first_day", sa.Date(), nullable=True),
        sa.Column("last_day", sa.Date(), nullable=True),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("indicator", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["import_id"], ["code_table_imports.import_id"], name="code_table_entries_import_id_fkey"
        ),
        sa.PrimaryKeyConstraint("import_id", "code", "other", "place", name="code_table_entries_pkey"),
    )
    op.add_column(
        "claim_lines",
        sa.Column("modifiers", postgresql.ARRAY(sa.Text()), nullable=True, comment="Two characters each; null: none."),
    )
    op.add_column(
        "providers",
        sa.Column("npi", sa.Text(), nullable=True, comment="National Provider Identifier, where provider_id is none."),
    )


def downgrade() -> None:
    """Drops the tables, the modifiers of every line and the NPI of every provider."""
    op.drop_column("providers", "npi")
    op.drop_column("claim_lines", "modifiers")
    op.drop_table("code_table_entries")
    op.drop_table("code_table_imports")
