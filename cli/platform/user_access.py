"""`ginja users link|unlink`: who a user is at the identity provider."""

import getpass
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from cli.command import command
from cli.database import existing_database_url, field_keys, with_database
from cli.options import BY
from cli.output import print_json

if TYPE_CHECKING:
    from api.database import Database
    from api.identity import Caller
    from api.users import User

_LOGIN = click.argument("login", metavar="LOGIN")
_ISSUER = click.option("--issuer", help="Issuer of the identity provider; default: GINJA_OIDC_ISSUER.")


@command(examples=["ginja users link ann@insurer.example --subject 7d1c0f0e-5a0f-4f0e-9f7a-0a4c1f6f2f11"])
@_LOGIN
@click.option("--subject", required=True, help="The person's `sub` at the identity provider.")
@_ISSUER
@BY
def link(login: str, subject: str, issuer: str | None, by: str | None, as_json: bool) -> None:
    """Say which person at the identity provider a user is."""
    from api.oidc import IdentityLinks

    known = _issuer(issuer)

    async def linked(database: "Database", operator: "Caller", user: "User") -> "User":
        return await IdentityLinks(database).link(operator, user.user_id, known, subject)

    _print(about_user(login, linked, by), known, "Linked", as_json)


@command(examples=["ginja users unlink ann@insurer.example"])
@_LOGIN
@_ISSUER
@BY
def unlink(login: str, issuer: str | None, by: str | None, as_json: bool) -> None:
    """Remove the link of a user with a person at the identity provider, and end the sessions."""
    from api.oidc import IdentityLinks

    known = _issuer(issuer)

    async def unlinked(database: "Database", operator: "Caller", user: "User") -> "User":
        return await IdentityLinks(database).unlink(operator, user.user_id, known)

    _print(about_user(login, unlinked, by), known, "Unlinked", as_json)


def _issuer(given: str | None) -> str:
    from core.settings import settings

    known = given or settings().oidc_issuer
    if known is None:
        raise click.UsageError("--issuer is required where GINJA_OIDC_ISSUER is not set.")
    return known


def about_user(login: str, act: "Callable[[Database, Caller, User], Awaitable[User]]", by: str | None) -> "User":
    """Do something about the user of a login; what is refused is a wrong argument."""
    from api.errors import Conflict, Invalid, NotFound
    from api.identity import Caller
    from api.users import PasswordHasher, Users

    existing_database_url()
    keys = field_keys()
    operator = Caller("command line", "operator", None, by or getpass.getuser())

    async def work(database: "Database") -> "User":
        user = await Users(database, keys, PasswordHasher()).with_login(login)
        return replace(await act(database, operator, user), login=user.login)

    try:
        return with_database(work)
    except Invalid as error:
        raise click.UsageError("; ".join(f"{one.field} {one.message}" for one in error.errors)) from None
    except (Conflict, NotFound) as error:
        raise click.UsageError(f"{error.detail}; `ginja users list` shows all users.") from None


def _print(user: "User", issuer: str, done: str, as_json: bool) -> None:
    if as_json:
        print_json({"user_id": user.user_id, "login": user.login, "issuer": issuer})
        return
    click.echo(f"{done} {user.user_id}.")
