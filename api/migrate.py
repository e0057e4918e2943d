"""Schema migrations."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import make_url
from sqlalchemy.exc import OperationalError

from core.postgres import api_role

if TYPE_CHECKING:
    import psycopg
    from alembic.config import Config

MIGRATIONS = Path(__file__).parent / "migrations"
_UPGRADE_LOCK = 7_271_001
"""Key of the advisory lock under which a database is upgraded."""
_UPGRADE_PAUSE_S: Final = 0.2
_LOCK_TIMEOUT_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class LockRetries:
    """How an upgrade waits for the locks of other transactions.

    While it waits for a lock on a table, every later statement on that table waits behind it. So each wait is short,
    and between two of them the others go on.
    """

    attempts: int = 20
    timeout_s: float = _LOCK_TIMEOUT_S
    pause_s: float = 3.0
    sleep: Callable[[float], None] = time.sleep


LOCK_RETRIES: Final = LockRetries()


class SchemaLockedError(Exception):
    """Another transaction held a lock that the upgrade needs for longer than it waits; what was done stays."""

    def __init__(self, statement: str | None) -> None:
        super().__init__(
            f"the schema could not be upgraded: another transaction holds a lock that a migration needs "
            f"({' '.join((statement or '').split())[:100]}); end long transactions, such as a backup (SELECT pid, "
            "xact_start, query FROM pg_stat_activity WHERE state <> 'idle' ORDER BY xact_start), and run `ginja run "
            "migrate` again: it goes on where it stopped"
        )


class MissingRoleError(Exception):
    """The database's owner may not create the role under which requests are answered."""

    exit_code = 2

    def __init__(self, owner: str) -> None:
        role = api_role(owner)
        super().__init__(
            f"the database has no role {role}, under which requests are answered, and {owner} may not create it; have "
            f"a superuser run: CREATE ROLE {role} LOGIN PASSWORD '...'; GRANT {role} TO {owner}; then run `ginja run "
            "migrate` again (docs/operate/database-roles.md)"
        )


def plain_url(url: str) -> str:
    """The URL as psycopg takes it, without SQLAlchemy's driver name."""
    rendered = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    server, mark, query = rendered.partition("?")
    return server + mark + query.replace("+", "%20")  # libpq reads no plus as a space


def alembic_config(url: str | None = None) -> "Config":
    """The migrations' configuration for a database; without a URL, that of the settings."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["url"] = url
    return config


@cache
def newest_revision() -> str:
    """The newest revision of the schema; revisions are numbered, and ordered as text."""
    return max(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def lock_timeout(config: "Config") -> str:
    """How long a migration waits for a lock, as PostgreSQL takes it."""
    seconds: float = config.attributes.get("lock_timeout_s", _LOCK_TIMEOUT_S)
    return f"{seconds * 1000:.0f}ms"


def upgrade(url: str, revision: str = "head", *, retries: LockRetries = LOCK_RETRIES) -> None:
    """Bring the schema of the database at `url` up to `revision`. Safe to call from several processes at once.

    Raises `SchemaLockedError` where other transactions hold a lock for too long; call it again then. Raises
    `MissingRoleError` where the role of requests neither exists nor can be created.
    """
    import psycopg
    from alembic import command

    config = alembic_config(url)
    config.attributes["lock_timeout_s"] = retries.timeout_s
    with psycopg.connect(plain_url(url), autocommit=True) as connection:
        # Released when the connection closes. Asked for again and again: a statement that waits has a snapshot, for
        # whose end the creation of an index beside writes would wait in turn.
        while not _is_locked(connection):
            time.sleep(_UPGRADE_PAUSE_S)
        _ensure_api_role(connection)
        _revoke_temporary_tables(connection)
        for attempt in range(1, retries.attempts + 1):
            try:
                command.upgrade(config, revision)
                return
            except OperationalError as error:
                # A deadlock ends this transaction, not that of the running part that takes its locks in another order.
                if not isinstance(error.orig, psycopg.errors.LockNotAvailable | psycopg.errors.DeadlockDetected):
                    raise
                if attempt == retries.attempts:
                    raise SchemaLockedError(error.statement) from error
            retries.sleep(retries.pause_s)


def _is_locked(connection: "psycopg.Connection[tuple[object, ...]]") -> bool:
    return connection.execute("SELECT pg_try_advisory_lock(%s)", [_UPGRADE_LOCK]).fetchone() == (True,)


def create_index_beside_writes(
    name: str, table: str, columns: list[str], *, where: str | None = None, include: Sequence[str] = ()
) -> None:
    """Create an index, within an autocommit block of a revision, without keeping rows from being written.

    `where`: a condition in SQL, of the rows that the index has; `include`: columns that it carries. PostgreSQL waits
    for transactions that are older, however long they last: no statement waits behind it, so the limit of `LockRetries`
    does not count. An index of that name whose creation was interrupted is invalid; it is replaced.
    """
    from alembic import op
    from sqlalchemy import text

    connection = op.get_bind()
    limit = connection.exec_driver_sql("SHOW lock_timeout").scalar_one()
    set_limit = text("SELECT set_config('lock_timeout', :value, false)")
    connection.execute(set_limit, {"value": "0"})
    try:
        state = text("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)")
        is_valid = connection.execute(state, {"name": name}).scalar_one_or_none()
        if is_valid is False:
            op.drop_index(name, table, postgresql_concurrently=True)
        if not is_valid:
            op.create_index(
                name,
                table,
                columns,
                postgresql_concurrently=True,
                postgresql_where=where,
                postgresql_include=list(include),
            )
    finally:
        if not connection.invalidated:
            connection.execute(set_limit, {"value": limit})


def _ensure_api_role(connection: "psycopg.Connection[tuple[object, ...]]") -> None:
    """Create the role under which requests are answered, unless it exists; `0060` gives it its rights."""
    from psycopg import errors, sql

    owner = connection.info.user
    role = api_role(owner)
    if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).fetchone() is not None:
        return
    named = {"role": sql.Identifier(role), "owner": sql.Identifier(owner)}
    try:
        connection.execute(sql.SQL("CREATE ROLE {role}").format(**named))
        connection.execute(sql.SQL("GRANT {role} TO {owner}").format(**named))
    except errors.InsufficientPrivilege as error:
        raise MissingRoleError(owner) from error


def _revoke_temporary_tables(connection: "psycopg.Connection[tuple[object, ...]]") -> None:
    """Let no role but the owner of the database create temporary tables: PostgreSQL gives that to every role.

    A copy of a database does not have it revoked, so each upgrade does. Where another role owns the database, that
    one does it (docs/operate/database-roles.md); loads need it for the owner of the tables.
    """
    from psycopg import sql

    owned = "SELECT datname FROM pg_database WHERE datname = current_database() AND pg_has_role(datdba, 'USAGE')"
    found = connection.execute(owned).fetchone()
    if found is not None:
        connection.execute(sql.SQL("REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC").format(sql.Identifier(str(found[0]))))
