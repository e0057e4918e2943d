"""`ginja keys`: API keys."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

import click

from cli.command import command
from cli.database import existing_database_url, field_keys, with_database
from cli.options import BY, Duration
from cli.output import print_json, terminal

if TYPE_CHECKING:
    from api.database import Database
    from api.identity import ApiKey, Caller

_ROLES = (
    *("provider", "member", "claims_system", "insurer", "investigator", "lead_investigator", "data_scientist"),
    *("monitoring", "operator", "admin"),
)


class _Expiry(click.ParamType[datetime]):
    """When a key expires: after a number of days, or at the beginning of a day (UTC)."""

    name = "days or date"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The instant; raises `click.BadParameter`."""
        from api.identity import MAX_LIFETIME
        from core import clock

        if isinstance(value, datetime):
            return value
        text, now = str(value), clock.now()
        if text.endswith("d"):
            span: timedelta = Duration(MAX_LIFETIME).convert(text, param, ctx)
            if not span:
                self.fail(f"{text} must be at least 1d", param, ctx)
            return now + span
        try:
            ends = datetime.combine(date.fromisoformat(text), time(), UTC)
        except ValueError:
            self.fail(f"{text!r} is neither a number of days such as 90d nor a date such as 2027-01-31", param, ctx)
        if not now < ends <= now + MAX_LIFETIME:
            self.fail(f"{text} must be after today and within {MAX_LIFETIME.days} days", param, ctx)
        return ends


EXPIRES = click.option(
    "--expires",
    "expires_at",
    type=_Expiry(),
    help="When the key expires: a number of days such as 90d, at most 3650d, or a date; default: 365d.",
)


@command(
    examples=[
        'ginja keys create --name "claims system" --role claims_system',
        'ginja keys create --name "clinic H456" --role provider --provider H456 --expires 90d',
        'ginja keys create --name "intake" --role claims_system --scope claims:submit --scope claims:read',
    ]
)
@click.option("--name", required=True, help="Whose key it is.")
@click.option("--role", required=True, type=click.Choice(_ROLES), help="What the key may do.")
@click.option("--provider", "provider_id", help="The provider that a key of role provider belongs to.")
@click.option("--member", "member_id", help="The member that a key of role member belongs to.")
@click.option("--scope", "scopes", multiple=True, help="What it may do of what its role may; default: all. Repeatable.")
@EXPIRES
@BY
def create(
    name: str,
    role: str,
    provider_id: str | None,
    member_id: str | None,
    scopes: tuple[str, ...],
    expires_at: datetime | None,
    by: str | None,
    as_json: bool,
) -> None:
    """Create a key and print its secret, once."""
    from api.identity import Scope
    from api.keys import KeyRequest, Keys

    if (role == "provider") != (provider_id is not None):
        raise click.UsageError("--provider is required for --role provider, and not allowed for any other role.")
    if (role == "member") != (member_id is not None):
        raise click.UsageError("--member is required for --role member, and not allowed for any other role.")
    declared = {scope.value: scope for scope in Scope}
    if undeclared := sorted(set(scopes) - set(declared)):
        raise click.UsageError(f"--scope {undeclared[0]}: it must be one of {', '.join(sorted(declared))}.")
    new = KeyRequest(
        name, role, provider_id, frozenset(declared[one] for one in scopes) or None, expires_at, member_id=member_id
    )
    with refusals(scopes="--scope"):
        issued = with_database(
            lambda database: Keys(database, field_keys()).create(operator(by), new, may_give=frozenset(Scope))
        )
    if as_json:
        print_json({"api_key_id": issued.key.api_key_id, "secret": issued.secret, "expires_at": issued.key.expires_at})
        return
    click.echo(f"Created {issued.key.api_key_id}. Store the secret now; it is not shown again.", err=True)
    click.echo(issued.secret)


@command("list", examples=["ginja keys list", "ginja keys list --json"])
def list_(as_json: bool) -> None:
    """List all keys, without their secrets."""
    from api.identity import EXPIRES_SOON, list_keys
    from core import clock

    existing_database_url()
    keys = with_database(list_keys)
    if as_json:
        print_json({"keys": [asdict(key) for key in keys]})
        return
    from rich.table import Table

    now = clock.now()
    table = Table("key", "name", "role", "provider or member", "scopes", "created", "last used", "version", "state")
    for key in keys:
        scopes = "all" if key.scopes is None else ", ".join(key.scopes)
        used = "" if key.last_used_at is None else f"{key.last_used_at:%Y-%m-%d %H:%M}"
        created, version = f"{key.created_at:%Y-%m-%d}", key.api_version or "at first use"
        owner = (key.api_key_id, key.name, key.role, key.provider_id or key.member_id or "")
        table.add_row(*owner, scopes, created, used, version, _state(key, now))
    terminal().print(table)
    expiring = [key for key in keys if key.state_at(now) == "expiring" and key.replaced_by is None]
    if expiring:
        click.echo(
            f"Warning: {len(expiring)} {'key expires' if len(expiring) == 1 else 'keys expire'} within "
            f"{EXPIRES_SOON.days} days; `ginja keys rotate KEY` makes a new one beside it: "
            f"{', '.join(key.api_key_id for key in expiring)}.",
            err=True,
        )


def _state(key: "ApiKey", now: datetime) -> str:
    state = key.state_at(now)
    if state == "revoked":
        return f"revoked {key.revoked_at:%Y-%m-%d}"
    if state == "expired":
        return f"expired {key.expires_at:%Y-%m-%d}"
    if key.expires_at is None:
        return "valid"
    replaced = "" if key.replaced_by is None else f", replaced by {key.replaced_by}"
    return f"{'expires' if state == 'expiring' else 'valid until'} {key.expires_at:%Y-%m-%d}{replaced}"


@command(examples=["ginja keys rotate key_0123456789", "ginja keys rotate key_0123456789 --overlap 1h --expires 90d"])
@click.argument("api_key_id", metavar="KEY")
@click.option("--overlap", default="24h", show_default=True, help="How long KEY works on: 0m to 7d.")
@EXPIRES
@BY
def rotate(api_key_id: str, overlap: str, expires_at: datetime | None, by: str | None, as_json: bool) -> None:
    """Create a key like KEY and print its secret, once; KEY works on for the overlap.

    Name, role, provider, scopes and the pinned version of the API are those of KEY.
    """
    from api.identity import Scope
    from api.keys import MAX_OVERLAP, Keys

    existing_database_url()
    span = Duration(MAX_OVERLAP).convert(overlap, None, None)
    with refusals():
        issued, old = with_database(
            lambda database: Keys(database, field_keys()).rotate(
                operator(by), api_key_id, may_give=frozenset(Scope), overlap=span, expires_at=expires_at
            )
        )
    if as_json:
        print_json(
            {
                "api_key_id": issued.key.api_key_id,
                "secret": issued.secret,
                "expires_at": issued.key.expires_at,
                "rotated": api_key_id,
                "rotated_expires_at": old.expires_at,
            }
        )
        return
    click.echo(
        f"Created {issued.key.api_key_id}; {api_key_id} works until {old.expires_at:%Y-%m-%d %H:%M} UTC. Store the "
        "secret now; it is not shown again.",
        err=True,
    )
    click.echo(issued.secret)


@command(examples=["ginja keys revoke key_0123456789"])
@click.argument("api_key_id", metavar="KEY")
@BY
def revoke(api_key_id: str, by: str | None, as_json: bool) -> None:
    """Revoke a key by its id; it stops working within five seconds.

    Claims that were accepted from it with `Prefer: respond-async` are decided nevertheless; their number is printed.
    """
    from api.keys import Keys
    from api.tasks import Tasks

    async def revoked_with(database: "Database") -> int:
        """Open tasks of the key."""
        await Keys(database, field_keys()).revoke(operator(by), api_key_id)
        return await Tasks(database, field_keys()).open_of(api_key_id)

    with refusals():
        open_tasks = with_database(revoked_with)
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

    existing_database_url()
    with refusals(version="VERSION"):
        pinned = with_database(lambda database: set_version(database, operator(by), api_key_id, api_version))
    if as_json:
        print_json({"api_key_id": api_key_id, **asdict(pinned)})
        return
    click.echo(f"{api_key_id} has version {pinned.version}.")


def operator(by: str | None) -> "Caller":
    """Who acts by the command line."""
    from api.identity import Caller

    return Caller("command line", "operator", None, by or getpass.getuser())


@contextmanager
def refusals(**names: str) -> Iterator[None]:
    """What the API would refuse, as errors of the command; `names` are those of its arguments by field."""
    from api.errors import Conflict, Invalid, NotFound

    try:
        yield
    except (Conflict, NotFound) as error:
        raise click.UsageError(f"{error.detail[:1].upper()}{error.detail[1:]}.") from None
    except Invalid as error:
        texts = (f"{names.get(one.field, '--' + one.field)} {one.message}" for one in error.errors)
        raise click.UsageError("; ".join(texts) + ".") from None
