"""Schema migrations."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import make_url

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).parent / "migrations"
_UPGRADE_LOCK = 7_271_001
"""Key of the advisory lock under which a database is upgraded."""


def plain_url(url: str) -> str:
    """The URL as psycopg takes it, without SQLAlchemy's driver name."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


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


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the schema of the database at `url` up to `revision`. Safe to call from several processes at once."""
    import psycopg
    from alembic import command

    with psycopg.connect(plain_url(url), autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [_UPGRADE_LOCK])  # released when the connection closes
        command.upgrade(alembic_config(url), revision)
