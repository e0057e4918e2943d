"""`ginja webhook`: receivers of events, and what was sent to them."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from cli.command import command
from cli.database import existing_database_url, field_keys, with_database
from cli.options import BY
from cli.output import print_json, terminal

if TYPE_CHECKING:
    from api.database import Database
    from api.webhooks import Webhooks

_ENDPOINT = click.argument("endpoint_id", metavar="ENDPOINT")


@command(examples=["ginja webhook endpoints", "ginja webhook endpoints --json"])
def endpoints(as_json: bool) -> None:
    """List the receivers of events with their state."""
    from api.webhooks import EndpointOut

    existing_database_url()
    found = with_database(lambda database: _webhooks(database).all())
    if as_json:
        print_json({"endpoints": [EndpointOut.of(*one).model_dump(mode="json") for one in found]})
        return
    from rich.table import Table

    table = Table("endpoint", "url", "events", "state", "failing since")
    for one, _ in found:
        state = one.status if one.disabled_reason is None else f"{one.status} ({one.disabled_reason})"
        since = "" if one.failing_since is None else f"{one.failing_since:%Y-%m-%d %H:%M}"
        table.add_row(one.endpoint_id, one.url, ", ".join(one.events), state, since)
    terminal().print(table)


@command(
    examples=[
        "ginja webhook deliveries hook_01m86p3ap6yntdyk7shqjq4hs9 --status failed",
        "ginja webhook deliveries hook_01m86p3ap6yntdyk7shqjq4hs9 --json",
    ]
)
@_ENDPOINT
@click.option("--status", type=click.Choice(("pending", "delivered", "failed")), help="Only those with this status.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000), help="Most of them.")
def deliveries(endpoint_id: str, status: str | None, limit: int, as_json: bool) -> None:
    """List what was sent to an endpoint, the newest first."""
    from api.webhooks import DeliveryOut, DeliveryStatus

    existing_database_url()
    chosen = None if status is None else DeliveryStatus(status)
    with _refusals():
        page = with_database(
            lambda database: _webhooks(database).deliveries(endpoint_id, status=chosen, after=None, limit=limit)
        )
    if as_json:
        print_json({"deliveries": [DeliveryOut.model_validate(one).model_dump(mode="json") for one in page.items]})
        return
    from rich.table import Table

    table = Table("delivery", "event", "created", "status", "attempts", "last answer", "next attempt")
    for one in page.items:
        answer = str(one.response_status or one.error or "")
        due = "" if one.due_at is None else f"{one.due_at:%Y-%m-%d %H:%M}"
        created = f"{one.created_at:%Y-%m-%d %H:%M}"
        table.add_row(one.delivery_id, one.event_type, created, one.status, str(one.attempts), answer, due)
    terminal().print(table)


@command(
    examples=[
        "ginja webhook replay hook_01m86p3ap6yntdyk7shqjq4hs9 --delivery dlv_01m86p3ap6yntdyk7shqjq4hs9",
        "ginja webhook replay hook_01m86p3ap6yntdyk7shqjq4hs9 --failed-since 2026-11-01T00:00:00Z",
    ]
)
@_ENDPOINT
@click.option("--delivery", "delivery_id", metavar="ID", help="One delivery, unless it is pending.")
@click.option("--failed-since", metavar="INSTANT", help="Every delivery that failed, added from this instant on.")
@BY
def replay(endpoint_id: str, delivery_id: str | None, failed_since: str | None, by: str | None, as_json: bool) -> None:
    """Send deliveries again, under the same `webhook-id`."""
    from api.identity import Caller
    from api.requests import validate
    from api.webhooks import ReplayIn

    if (delivery_id is None) == (failed_since is None):
        raise click.UsageError("Give --delivery or --failed-since.")
    name = "delivery_id" if failed_since is None else "failed_since"
    existing_database_url()
    caller = Caller("command line", "operator", None, by or getpass.getuser())
    with _refusals():
        sent = validate(ReplayIn, {name: delivery_id or failed_since})
        replayed, more = with_database(lambda database: _webhooks(database).replay(caller, endpoint_id, sent))
    if as_json:
        print_json({"replayed": replayed, "more": more})
        return
    click.echo(f"Deliveries that are sent again: {replayed}.{' There are more: run it again.' if more else ''}")


def _webhooks(database: "Database") -> "Webhooks":
    from api.field_keys import StoredSecrets
    from api.webhooks import AddressGuard, Webhooks
    from core.settings import settings

    now = settings()
    return Webhooks(database, AddressGuard(now.webhook_networks), StoredSecrets(now, field_keys()))


@contextmanager
def _refusals() -> Iterator[None]:
    """What the service refuses, as a usage error."""
    from api.errors import Conflict, Invalid, NotFound

    try:
        yield
    except (Conflict, NotFound) as error:
        raise click.UsageError(f"{error.detail}.") from None
    except Invalid as error:
        options = {"delivery_id": "--delivery", "failed_since": "--failed-since"}
        messages = (f"{options.get(one.field, one.field)} {one.message}" for one in error.errors)
        raise click.UsageError("; ".join(messages)) from None
