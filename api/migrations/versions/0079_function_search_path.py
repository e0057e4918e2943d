"""Functions find their tables in the schema: a session's temporary tables, which come first, are no stand-ins."""

from alembic import op

revision = "0079"
down_revision = "0078"

_EACH = """
DO $$
DECLARE
    one regprocedure;
BEGIN
    FOR one IN
        SELECT pg_proc.oid FROM pg_proc JOIN pg_language ON pg_language.oid = prolang
        WHERE pronamespace = current_schema()::regnamespace AND lanname = 'plpgsql'
            AND NOT EXISTS (SELECT FROM pg_depend
                            WHERE classid = 'pg_proc'::regclass AND objid = pg_proc.oid AND deptype = 'e')
    LOOP
        EXECUTE format('ALTER FUNCTION %s ', one) || {change};
    END LOOP;
END $$
"""


def upgrade() -> None:
    op.execute(_EACH.format(change="format('SET search_path = %I, pg_temp', current_schema())"))


def downgrade() -> None:
    op.execute(_EACH.format(change="'RESET search_path'"))
