"""Alembic's way in: the URL handed over by `api.database.upgrade`, else that of the settings."""

from alembic import context
from sqlalchemy import create_engine, make_url, pool

from api.tables import all_metadata


def _url() -> str:
    given: str | None = context.config.attributes.get("url")
    if given is not None:
        return given
    from core.servers import postgres_url
    from core.settings import settings

    return postgres_url(settings())


def _run() -> None:
    engine = create_engine(make_url(_url()).set(drivername="postgresql+psycopg"), poolclass=pool.NullPool)
    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=all_metadata())
        with context.begin_transaction():
            context.run_migrations()


_run()
