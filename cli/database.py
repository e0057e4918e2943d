"""`ginja db`: the database's schema."""

import click


@click.group()
def db() -> None:
    """Create and upgrade the database."""


@db.command()
def upgrade() -> None:
    """Bring the schema up to the newest revision; without harm when it is there."""
    from api.migrate import upgrade as upgrade_schema
    from core.servers import postgres_url
    from core.settings import settings

    upgrade_schema(postgres_url(settings()))
    click.echo("the database is at the newest schema")
