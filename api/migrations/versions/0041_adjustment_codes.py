"""Adjustment codes (CARC, RARC) with their texts, imported like the trade's other tables; they re-screen no claim."""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"

_EARLIER = ("mue", "ptp", "leie", "hcpcs", "icd10", "fees", "contracts")
_ADDED = ("carc", "rarc")
_CHECK = "code_table_imports_kind_check"
_TRIGGER = "code_table_imports_rescreening"


def upgrade() -> None:
    op.add_column("code_table_entries", sa.Column("text", sa.Text(), nullable=True, comment="Of an adjustment code."))
    op.drop_constraint(_CHECK, "code_table_imports")
    op.create_check_constraint(_CHECK, "code_table_imports", f"kind IN {(*_EARLIER, *_ADDED)}")
    _trigger(f"WHEN (NEW.kind NOT IN {_ADDED})")


def downgrade() -> None:
    """Drops every import of adjustment codes."""
    op.execute(
        f"""DELETE FROM code_table_entries USING code_table_imports AS imported
        WHERE imported.import_id = code_table_entries.import_id AND imported.kind IN {_ADDED}"""
    )
    op.execute(f"DELETE FROM code_table_imports WHERE kind IN {_ADDED}")
    _trigger("")
    op.drop_constraint(_CHECK, "code_table_imports")
    op.create_check_constraint(_CHECK, "code_table_imports", f"kind IN {_EARLIER}")
    op.drop_column("code_table_entries", "text")


def _trigger(condition: str) -> None:
    op.execute(f"DROP TRIGGER {_TRIGGER} ON code_table_imports")
    op.execute(
        f"""CREATE TRIGGER {_TRIGGER} AFTER UPDATE OF known_from, known_until ON code_table_imports
        FOR EACH ROW {condition} EXECUTE FUNCTION record_table_change()"""
    )
