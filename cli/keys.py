"""`ginja keys`: API keys."""

import asyncio
from datetime import timedelta

import click


@click.group()
def keys() -> None:
    """Make and end API keys."""


@keys.command()
@click.option("--name", required=True, help="Whose key it is, in words.")
@click.option(
    "--role",
    required=True,
    type=click.Choice(["provider", "claims_system", "investigator", "lead_investigator", "admin"]),
)
@click.option("--provider", "provider_id", help="The provider of a provider's key.")
@click.option("--days", type=click.IntRange(1, 3_650), help="Days until it expires; default: never.")
def create(name: str, role: str, provider_id: str | None, days: int | None) -> None:
    """Make a key and print its secret, once."""
    from api.database import Database
    from api.identity import create_key
    from core import clock
    from core.servers import postgres_url
    from core.settings import settings

    async def run() -> tuple[str, str]:
        database = Database(postgres_url(settings()), pool_size=1)
        try:
            ends = None if days is None else clock.now() + timedelta(days=days)
            return await create_key(database, name=name, role=role, provider_id=provider_id, expires_at=ends)
        finally:
            await database.close()

    try:
        api_key_id, secret = asyncio.run(run())
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    click.echo(f"{api_key_id}: keep the secret, it is not shown again", err=True)
    click.echo(secret)


@keys.command()
@click.argument("api_key_id")
def revoke(api_key_id: str) -> None:
    """End a key; it stops working within five seconds."""
    from api.database import Database
    from api.identity import revoke_key
    from core.servers import postgres_url
    from core.settings import settings

    async def run() -> bool:
        database = Database(postgres_url(settings()), pool_size=1)
        try:
            return await revoke_key(database, api_key_id)
        finally:
            await database.close()

    if not asyncio.run(run()):
        raise click.ClickException(f"there is no key {api_key_id} that holds")
    click.echo(f"{api_key_id} is revoked")
