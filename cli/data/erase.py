"""`ginja data erase-member`: who a member is, out of the database for good."""

import getpass
from dataclasses import asdict

import click

from cli.command import command
from cli.database import existing_database_url, with_database
from cli.options import BY
from cli.output import print_json


@command(examples=['ginja data erase-member M123 --reason "request of 2026-11-20" --by ann'])
@click.argument("member_id", metavar="MEMBER")
@click.option("--reason", required=True, help="Why the data are erased; no personal data.")
@BY
def erase_member(member_id: str, reason: str, by: str | None, as_json: bool) -> None:
    """Erase name, birth date and sex of MEMBER, in its present and every earlier state, and destroy its key.

    Its claims and decisions stay as they are. Who erased it and why is in the audit log.
    """
    from api.errors import Invalid, NotFound
    from api.identity import Caller
    from api.registry import erase_member as erase

    existing_database_url()
    caller = Caller("command line", "operator", None, by or getpass.getuser())
    try:
        done = with_database(lambda database: erase(database, caller, member_id, reason))
    except NotFound as error:
        raise click.UsageError(f"{error.detail}.") from None
    except Invalid as error:
        raise click.UsageError("; ".join(f"--{one.field} {one.message}" for one in error.errors)) from None
    if as_json:
        print_json(asdict(done))
        return
    click.echo(f"{member_id} is erased{'' if done.key_destroyed else ', as before'}. Earlier states: {done.states}.")
    click.echo("Delete it from files that you load, and restore no copy of member_keys of before today.")
