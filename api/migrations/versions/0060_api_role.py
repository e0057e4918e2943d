"""Requests are answered under a role that owns nothing: it reads and changes rows, and only adds to the audit log.

`api.migrate.upgrade` has made sure that the role exists. Tables of later revisions get the same rights by themselves.
"""

from alembic import op

revision = "0060"
down_revision = "0059"

_APPEND_ONLY = ("audit_log", "audit_seals")
_READ_ONLY = "alembic_version"


def upgrade() -> None:
    role = _api_role()
    op.execute(f"GRANT USAGE ON SCHEMA public TO {role}")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}")
    op.execute(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}")
    for table in _APPEND_ONLY:
        op.execute(f"REVOKE UPDATE, DELETE ON {table} FROM {role}")
    op.execute(f"REVOKE INSERT, UPDATE, DELETE ON {_READ_ONLY} FROM {role}")
    defaults = "ALTER DEFAULT PRIVILEGES IN SCHEMA public"
    op.execute(f"{defaults} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role}")
    op.execute(f"{defaults} GRANT USAGE, SELECT ON SEQUENCES TO {role}")


def downgrade() -> None:
    role = _api_role()
    defaults = "ALTER DEFAULT PRIVILEGES IN SCHEMA public"
    op.execute(f"{defaults} REVOKE ALL ON TABLES FROM {role}")
    op.execute(f"{defaults} REVOKE ALL ON SEQUENCES FROM {role}")
    op.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}")
    op.execute(f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {role}")
    op.execute(f"REVOKE USAGE ON SCHEMA public FROM {role}")


def _api_role() -> str:
    """As an identifier of SQL; the role is named after the owner."""
    role = op.get_bind().exec_driver_sql("SELECT quote_ident(current_user || '_api')").scalar_one()
    assert isinstance(role, str)
    return role
