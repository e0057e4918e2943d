"""`ginja keys`: API keys."""

import getpass
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from cli.command import command
from cli.database import existing_database_url, with_database
from cli.options import BY
from cli.output import print_json, terminal

if TYPE_CHECKING:
    from api.database import Database

_ROLES = ("provider", "claims_system", "investigator", "lead_investigator", "monitoring", "operator", "admin")


@command(
    examples=[
        'ginja keys create --name "claims system" --role claims_system',
        'ginja keys create --name "clinic H456" --role provider --provider H456 --days 365',
    ]
)
@click.option("--name", required=True, help="Whose key it is.")
@click.option("--role", required=True, type=click.Choice(_ROLES), help="What the key may do.")
@click.option("--provider", "provider_id", help="The provider that a key of role provider belongs to.")
@click.option("--days", type=click.IntRange(1, 3_650), help="Days until the key expires; default: never.")
def create(name: str, role: str, provider_id: str | None, days: int | None, as_json: bool) -> None:
    """Create a key and print its secret, once."""
    from api.identity import create_key
    from core import clock

    if (role == "provider") != (provider_id is not None):
        raise click.UsageError("--provider is required for --role provider, and not allowed for any other role.")
    expires_at = None if days is None else clock.now() + timedelta(days=days)
    api_key_id, secret = with_database(
        lambda database: create_key(database, name=name, role=role, provider_id=provider_id, expires_at=expires_at)
    )
    if as_json:
        print_json({"api_key_id": api_key_id, "secret": secret, "expires_at": expires_at})
        return
    click.echo(f"Created {api_key_id}. Store the secret now; it is not shown again.", err=True)
    click.echo(secret)


@command("list", examples=["ginja keys list", "ginja keys list --json"])
def list_(as_json: bool) -> None:
    """List all keys, without their secrets."""
    from api.identity import list_keys
    from core import clock

    existing_database_url()
    keys = with_database(list_keys)
    if as_json:
        print_json({"keys": [asdict(key) for key in keys]})
        return
    from rich.table import Table

    table = Table("key", "name", "role", "provider", "created", "version", "state")
    for key in keys:
        state = "valid" if key.expires_at is None else f"valid until {key.expires_at:%Y-%m-%d}"
        if key.revoked_at is not None:
            state = f"revoked {key.revoked_at:%Y-%m-%d}"
        elif key.expires_at is not None and key.expires_at <= clock.now():
            state = f"expired {key.expires_at:%Y-%m-%d}"
        created, version = f"{key.created_at:%Y-%m-%d}", key.api_version or "at first use"
        table.add_row(key.api_key_id, key.name, key.role, key.provider_id or "", created, version, state)
    terminal().print(table)


@command(examples=["ginja keys revoke key_0123456789"])
@click.argument("api_key_id", metavar="KEY")
def revoke(api_key_id: str, as_json: bool) -> None:
    """Revoke a key by its id; it stops working within five seconds.

    Claims that were accepted from it with `Prefer: respond-async` are decided nevertheless; their number is printed.
    """
    from api.identity import revoke_key
    from api.tasks import Tasks

    async def revoked_with(database: "Database") -> int | None:
        """Open tasks of the key; `None`: there was no such key to revoke."""
        return await Tasks(database).open_of(api_key_id) if await revoke_key(database, api_key_id) else None

    open_tasks = with_database(revoked_with)
    if open_tasks is None:
        raise click.UsageError(f"No valid key {api_key_id}; `ginja keys list` shows all keys.")
    if as_json:
        print_json({"revoked": api_key_id, "open_tasks": open_tasks})
        return
    click.echo(f"Revoked {api_key_id}.")
    if open_tasks:
        click.echo(f"Tasks that were accepted from it and are still carried out: {open_tasks}.")


@command(examples=["ginja keys pin key_0123456789 2026-11-27 --by ann"])
@click.argument("api_key_id", metavar="KEY")
@click.argument("api_version", metavar="VERSION")
@BY
def pin(api_key_id: str, api_version: str, by: str | None, as_json: bool) -> None:
    """Pin a key to a VERSION of the API, older or newer; its requests get it within five seconds.

    A key is pinned to the newest version at its first call. Its client can upgrade it, and undo that, with /v1/version.
    """
    from api.client_versions import set_version
    from api.errors import Invalid, NotFound
    from api.identity import Caller

    existing_database_url()
    operator = Caller("command line", "operator", None, by or getpass.getuser())
    try:
        pinned = with_database(lambda database: set_version(database, operator, api_key_id, api_version))
    except NotFound as error:
        raise click.UsageError(f"{error.detail}.") from None
    except Invalid as error:
        raise click.UsageError("; ".join(f"VERSION {one.message}" for one in error.errors)) from None
    if as_json:
        print_json({"api_key_id": api_key_id, **asdict(pinned)})
        return
    click.echo(f"{api_key_id} has version {pinned.version}.")
