"""`ginja data redact-member`: personal data of a member out of the states that the database keeps."""

import getpass
from dataclasses import asdict

import click

from cli.command import command
from cli.database import existing_database_url, with_database
from cli.options import BY
from cli.output import print_json


@command(examples=['ginja data redact-member M123 --reason "request of 2026-11-20" --by ann'])
@click.argument("member_id", metavar="MEMBER")
@click.option("--reason", required=True, help="Why the data are erased; no personal data.")
@BY
def redact_member(member_id: str, reason: str, by: str | None, as_json: bool) -> None:
    """Erase name, birth date and sex from every earlier state of MEMBER, for good.

    Claims, decisions and the member as it is now stay as they are. Who erased them and why is in the audit log.
    """
    from api.errors import Invalid, NotFound
    from api.identity import Caller
    from api.registry import redact_member as redact

    existing_database_url()
    caller = Caller("command line", "operator", None, by or getpass.getuser())
    try:
        done = with_database(lambda database: redact(database, caller, member_id, reason))
    except NotFound as error:
        raise click.UsageError(f"{error.detail}.") from None
    except Invalid as error:
        raise click.UsageError("; ".join(f"--{one.field} {one.message}" for one in error.errors)) from None
    if as_json:
        print_json(asdict(done))
        return
    click.echo(f"Earlier states of {member_id} that were redacted: {done.states}.")
    if done.present_state_has_personal_data:
        click.echo(
            f"{member_id} itself still has personal data: replace them with PUT /v1/members/{member_id}, then run this "
            "command again for the state that it keeps."
        )
