"""`ginja servers`: the embedded Postgres and Valkey of this home."""

from dataclasses import asdict

import click

from cli.command import command
from cli.output import print_json

_URLS = click.option("--urls", is_flag=True, help="Print the URLs of the running servers too, with their passwords.")


@command(examples=["ginja servers start", "ginja servers start --urls --json"])
@_URLS
def start(urls: bool, as_json: bool) -> None:
    """Start both servers, unless they are running."""
    from core import postgres, valkey
    from core.settings import settings

    home = settings().home.resolve()
    for server in (postgres, valkey):
        server.url(home)
    _show(as_json=as_json, urls=urls)


@command(examples=["ginja servers show", "ginja servers show --urls"])
@_URLS
def show(urls: bool, as_json: bool) -> None:
    """Show which servers are running, and where; starts nothing."""
    _show(as_json=as_json, urls=urls)


@command(examples=["ginja servers stop"])
def stop(as_json: bool) -> None:
    """Stop both servers, including ones that another command started; refused while `ginja up` runs. Data is kept."""
    from core.errors import PlatformRunningError
    from core.servers import stop_servers
    from core.settings import settings
    from core.supervision import running_platform

    home = settings().home.resolve()
    supervisor = running_platform(home)
    if supervisor is not None:  # it would start them again
        raise PlatformRunningError(home, str(supervisor))
    stopped = stop_servers(home)
    if as_json:
        print_json({"stopped": stopped})
    else:
        click.echo(f"stopped {' and '.join(stopped)}" if stopped else "nothing ran")


def _show(*, as_json: bool, urls: bool) -> None:
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
        print_json(found)
        return
    click.echo(f"home: {home}")
    for name, server_found in found.items():
        running = server_found["running"]
        place = f"at {server_found['socket']}" if server_found["socket"] else f"on port {server_found['port']}"
        click.echo(f"{name}: running {place}, process {server_found['pid']}" if running else f"{name}: not running")
        if "url" in server_found:
            click.echo(f"  {server_found['url']}")
