"""`ginja users`: people who sign in.

A password is read from the terminal or from a file, never from an argument, which other users of the machine can see.
"""

import getpass
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from cli.command import command
from cli.database import existing_database_url, field_keys, with_database
from cli.options import BY, INPUT_FILE, reason_option
from cli.output import print_json, terminal

if TYPE_CHECKING:
    from api.identity import Caller
    from api.users import User, Users

T = TypeVar("T")
_ROLES = (
    *("admin", "provider", "insurer", "member", "investigator", "lead_investigator"),
    *("data_scientist", "operator"),
)
_PASSWORD_FILE = click.option(
    "--password-file",
    type=INPUT_FILE,
    help="File whose first line is the password; default: ask for it, or generate one where there is no terminal.",
)
_LOGIN = click.argument("login", metavar="LOGIN")
_REASON = reason_option(text="Why; it is kept in the audit log.", required=True)


@command(
    examples=[
        'ginja users create --login ann@insurer.example --name "Ann Otieno" --role admin',
        'ginja users create --login joe@clinic.example --name "Joe Kamau" --role provider --provider H456',
    ]
)
@click.option("--login", required=True, help="E-mail address to sign in with.")
@click.option("--name", required=True, help="Shown as the one who did something.")
@click.option("--role", required=True, type=click.Choice(_ROLES), help="What the user may do.")
@click.option("--provider", "provider_id", help="The provider of a user of role provider.")
@click.option("--member", "member_id", help="The member that a user of role member is.")
@_PASSWORD_FILE
@BY
def create(
    login: str,
    name: str,
    role: str,
    provider_id: str | None,
    member_id: str | None,
    password_file: Path | None,
    by: str | None,
    as_json: bool,
) -> None:
    """Create a user, such as the first administrator.

    A password that is generated is printed once, and changed by the user before the first sign-in.
    """
    from api.requests import validate
    from api.users import UserIn

    sent = {"login": login, "display_name": name, "role": role, "provider_id": provider_id, "member_id": member_id}
    new = _checked(lambda: validate(UserIn, sent))
    password = _read_password(password_file, as_json)
    user, chosen = _with_users(lambda users, operator: users.create(operator, new, password), by)
    _print_password(user, None if password is not None else chosen, "Created", as_json)


@command("list", examples=["ginja users list", "ginja users list --json"])
def list_(as_json: bool) -> None:
    """List all users."""
    from api.users import UserOut

    existing_database_url()
    users = _with_users(lambda users, _operator: users.all(), None)
    if as_json:
        print_json({"users": [UserOut.model_validate(one).model_dump(mode="json") for one in users]})
        return
    from rich.table import Table

    table = Table("user", "login", "name", "role", "second factor", "created", "state", "emergency access")
    for user in users:
        second_factor = "none" if user.second_factor_at is None else f"{user.second_factor_at:%Y-%m-%d}"
        table.add_row(
            *(user.user_id, user.login, user.display_name, user.role, second_factor),
            *(f"{user.created_at:%Y-%m-%d}", user.state, _emergency(user)),
        )
    terminal().print(table)


@command(examples=["ginja users disable ann@insurer.example"])
@_LOGIN
@BY
def disable(login: str, by: str | None, as_json: bool) -> None:
    """Disable a user and end the sessions; access tokens stop working within five seconds."""
    _set_state(login, "disabled", by, as_json)


@command(examples=["ginja users enable ann@insurer.example"])
@_LOGIN
@BY
def enable(login: str, by: str | None, as_json: bool) -> None:
    """Let a user who was disabled sign in again."""
    _set_state(login, "active", by, as_json)


@command("reset-password", examples=['ginja users reset-password ann@insurer.example --reason "forgotten"'])
@_LOGIN
@_PASSWORD_FILE
@_REASON
@BY
def reset_password(login: str, password_file: Path | None, reason: str, by: str | None, as_json: bool) -> None:
    """Replace the password of a user and end the sessions.

    A password that is generated is printed once, and changed by the user before the next sign-in.
    """
    existing_database_url()
    password = _read_password(password_file, as_json)

    async def reset(users: "Users", operator: "Caller") -> "tuple[User, str]":
        user = await users.with_login(login)
        return await users.reset_password(operator, user.user_id, reason, password)

    user, chosen = _with_users(reset, by)
    _print_password(user, None if password is not None else chosen, "Password replaced of", as_json)


@command("reset-totp", examples=['ginja users reset-totp ann@insurer.example --reason "lost phone"'])
@_LOGIN
@_REASON
@BY
def reset_totp(login: str, reason: str, by: str | None, as_json: bool) -> None:
    """Remove the second factor of a user with the recovery codes, and end the sessions."""
    existing_database_url()

    async def reset(users: "Users", operator: "Caller") -> "User":
        user = await users.with_login(login)
        return await users.reset_second_factor(operator, user.user_id, reason)

    _print_user(_with_users(reset, by), "Second factor removed of", as_json)


def _emergency(user: "User") -> str:
    from core import clock

    role = user.emergency_at(clock.now())
    return "" if role is None else f"{role} until {user.emergency_until:%Y-%m-%d %H:%M} UTC"


def _set_state(login: str, state: str, by: str | None, as_json: bool) -> None:
    from api.users import UserState

    existing_database_url()

    async def change(users: "Users", operator: "Caller") -> "User":
        user = await users.with_login(login)
        return await users.set_state(operator, user.user_id, UserState(state))

    _print_user(_with_users(change, by), "Disabled" if state == "disabled" else "Enabled", as_json)


def _with_users(work: "Callable[[Users, Caller], Awaitable[T]]", by: str | None) -> T:
    """Run `work` with the service of users and who acts; what it refuses is a wrong argument."""
    from api.identity import Caller
    from api.users import PasswordHasher, Users

    operator, keys = Caller("command line", "operator", None, by or getpass.getuser()), field_keys()
    return _checked(lambda: with_database(lambda database: work(Users(database, keys, PasswordHasher()), operator)))


def _checked(work: Callable[[], T]) -> T:
    from api.errors import Conflict, Invalid, NotFound

    try:
        return work()
    except Invalid as error:
        raise click.UsageError("; ".join(f"{one.field} {one.message}" for one in error.errors)) from None
    except (Conflict, NotFound) as error:
        raise click.UsageError(f"{error.detail}; `ginja users list` shows all users.") from None


def _read_password(file: Path | None, as_json: bool) -> str | None:
    """The password of a file or of a person at the terminal; `None`: generate one."""
    if file is not None:
        lines = file.read_text(encoding="utf-8").splitlines()
        if not lines or not lines[0]:
            raise click.UsageError(f"{file.name} must have the password in its first line.")
        return lines[0]
    if as_json or not sys.stdin.isatty():
        return None
    entered: object = click.prompt(
        "Password (empty: generate one)", hide_input=True, confirmation_prompt=True, default="", show_default=False
    )
    return str(entered) or None


def _print_password(user: "User", generated: str | None, done: str, as_json: bool) -> None:
    if as_json:
        print_json({"user_id": user.user_id, "login": user.login, "role": user.role, "password": generated})
        return
    click.echo(f"{done} {user.user_id}.", err=True)
    if generated is not None:
        click.echo("Give the password to the user now; it is not shown again.", err=True)
        click.echo(generated)


def _print_user(user: "User", done: str, as_json: bool) -> None:
    if as_json:
        print_json({"user_id": user.user_id, "login": user.login, "state": user.state})
        return
    click.echo(f"{done} {user.user_id}.")
