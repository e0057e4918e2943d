"""`ginja servers`: the embedded Postgres and Valkey of this home."""

import json
from dataclasses import asdict

import click

_as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
_with_urls = click.option("--urls", is_flag=True, help="Also the URLs of those that run, passwords included.")


@click.group()
def servers() -> None:
    """Start, show and stop the embedded servers."""


@servers.command()
@_as_json
@_with_urls
def start(as_json: bool, urls: bool) -> None:
    """Start both, unless they run."""
    from core import postgres, valkey
    from core.settings import settings

    home = settings().home.resolve()
    for server in (postgres, valkey):
        server.url(home)
    _show(as_json, urls)


@servers.command()
@_as_json
@_with_urls
def show(as_json: bool, urls: bool) -> None:
    """Say what runs, and where; starts nothing."""
    _show(as_json, urls)


@servers.command()
@_as_json
def stop(as_json: bool) -> None:
    """Stop both, whoever started them; their data stay."""
    from core.servers import stop_servers
    from core.settings import settings

    stopped = stop_servers(settings().home)
    if as_json:
        click.echo(json.dumps({"stopped": stopped}))
    else:
        click.echo(f"stopped {' and '.join(stopped)}" if stopped else "nothing ran")


def _show(as_json: bool, urls: bool) -> None:
    from core import postgres, valkey
    from core.servers import server_status
    from core.settings import settings

    home = settings().home.resolve()
    found = {server.name: asdict(server) for server in server_status(home)}
    if urls:
        for server in (postgres, valkey):
            if found[server.NAME]["running"]:
                found[server.NAME]["url"] = server.url(home)
    if as_json:
        click.echo(json.dumps(found))
        return
    click.echo(f"home: {home}")
    for name, server_found in found.items():
        running = server_found["running"]
        where = f"running on port {server_found['port']}, process {server_found['pid']}" if running else "not running"
        click.echo(f"{name}: {where}")
        if "url" in server_found:
            click.echo(f"  {server_found['url']}")
