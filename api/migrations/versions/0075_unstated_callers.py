"""An error, instead of no rows, for sessions that have never stated a caller: they are those of the release before.

Without rows it would refuse claims as those of unknown members, which nobody sends again; the error is answered by 503.
"""

from alembic import op

revision = "0075"
down_revision = "0074"

_FUNCTION = "ginja_no_caller"
_SETTING = "current_setting('ginja.sees', true)"
_POLICIES = "SELECT tablename, qual FROM pg_policies WHERE schemaname = current_schema() AND policyname = 'seen'"


def upgrade() -> None:
    # Volatile, so that the planner does not call it.
    op.execute(
        f"CREATE OR REPLACE FUNCTION {_FUNCTION}() RETURNS text LANGUAGE plpgsql VOLATILE PARALLEL SAFE AS $$ BEGIN "
        "RAISE EXCEPTION 'the session has not stated whose rows it sees' USING ERRCODE = 'insufficient_privilege', "
        "HINT = 'set ginja.sees: docs/operate/database-roles.md'; END $$"
    )
    _replace_setting(f"coalesce({_SETTING}, {_FUNCTION}())")


def downgrade() -> None:
    _replace_setting(_SETTING)
    op.execute(f"DROP FUNCTION {_FUNCTION}()")


def _replace_setting(stated: str) -> None:
    """Let the policies of every table read the setting by `stated`, each in a transaction of its own."""
    stored = "current_setting('ginja.sees'::text, true)"
    with op.get_context().autocommit_block():
        for table, rule in op.get_bind().exec_driver_sql(_POLICIES).all():
            plain = str(rule).replace(f"COALESCE({stored}, {_FUNCTION}())", stored)
            assert stored in plain, table
            op.get_bind().exec_driver_sql(f"ALTER POLICY seen ON {table} USING ({plain.replace(stored, stated)})")
