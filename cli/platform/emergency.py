"""`ginja users emergency-access`: another role for a person, for a limited time and a reason."""

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from cli.command import command
from cli.database import existing_database_url, with_database
from cli.options import BY, reason_option
from cli.output import print_json, terminal
from cli.platform.user_access import about_user

if TYPE_CHECKING:
    from datetime import datetime

    from api.database import Database
    from api.identity import Caller
    from api.users import EmergencyUse, User

_LOGIN = click.argument("login", metavar="LOGIN")
_ROLES = ("admin", "insurer", "investigator", "lead_investigator", "data_scientist", "operator")


@command(
    "emergency-access",
    examples=['ginja users emergency-access ann@insurer.example --role insurer --minutes 60 --reason "appeal due"'],
)
@_LOGIN
@click.option("--role", required=True, type=click.Choice(_ROLES), help="What the user may do meanwhile.")
@click.option("--minutes", required=True, type=click.IntRange(1, 1_440), help="How long; it ends by itself.")
@reason_option(text="Why, without personal data; it is kept in the audit log.", required=True)
@BY
def begin(login: str, role: str, minutes: int, reason: str, by: str | None, as_json: bool) -> None:
    """Give a user another role for a limited time; the sessions end, and the user signs in again."""
    from api.users import EmergencyAccess

    async def given(database: "Database", operator: "Caller", user: "User") -> "User":
        access = EmergencyAccess(database)
        return await access.begin(operator, user.user_id, role, timedelta(minutes=minutes), reason)

    user = about_user(login, given, by)
    if as_json:
        print_json({"user_id": user.user_id, "role": role, "until": _text(user.emergency_until)})
        return
    click.echo(f"{user.user_id} has role {role} until {user.emergency_until:%Y-%m-%d %H:%M} UTC.")


@command("end-emergency-access", examples=["ginja users end-emergency-access ann@insurer.example --by ben"])
@_LOGIN
@BY
def end(login: str, by: str | None, as_json: bool) -> None:
    """End emergency access before its time, and the sessions of the user."""
    from api.users import EmergencyAccess

    async def ended(database: "Database", operator: "Caller", user: "User") -> "User":
        return await EmergencyAccess(database).end(operator, user.user_id)

    user = about_user(login, ended, by)
    if as_json:
        print_json({"user_id": user.user_id, "role": user.role})
        return
    click.echo(f"{user.user_id} has its own role {user.role} again.")


@command("emergency-report", examples=["ginja users emergency-report", "ginja users emergency-report --json"])
def report(as_json: bool) -> None:
    """Report every emergency access from the audit log: who, why, by whom, how long, and how much was done."""
    from api.users import EmergencyAccess

    existing_database_url()

    async def read(database: "Database") -> "list[EmergencyUse]":
        return await EmergencyAccess(database).report()

    uses = with_database(read)
    if as_json:
        print_json(
            {
                "emergency_accesses": [
                    {
                        "user_id": one.user_id,
                        "role": one.role,
                        "reason": one.reason,
                        "granted_by": one.granted_by,
                        "began_at": _text(one.began_at),
                        "until": _text(one.until),
                        "acts": one.acts,
                    }
                    for one in uses
                ]
            }
        )
        return
    from rich.table import Table

    table = Table("user", "role", "began", "until", "granted by", "reason", "acts")
    for one in uses:
        began, until = (f"{at:%Y-%m-%d %H:%M}" for at in (one.began_at, one.until))
        table.add_row(one.user_id, one.role, began, until, one.granted_by, one.reason, str(one.acts))
    terminal().print(table)


def _text(at: "datetime | None") -> str | None:
    return None if at is None else at.isoformat()
