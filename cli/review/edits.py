"""`ginja review edits` and `resume-edit`: edits that are suspended because their decisions were overturned."""

import getpass
from dataclasses import asdict
from functools import partial

import click

from cli.command import command
from cli.database import existing_database_url, with_database
from cli.options import BY, reason_option
from cli.output import print_json


@command(examples=["ginja review edits", "ginja review edits --json"])
def edits(as_json: bool) -> None:
    """List the suspended edits: they send claims to review instead of rejecting or reducing them."""
    from api.appeals import suspended

    existing_database_url()
    found = with_database(suspended)
    if as_json:
        print_json({"edits": [asdict(one) for one in found]})
        return
    for one in found:
        click.echo(
            f"{one.edit}: suspended since {one.suspended_at:%Y-%m-%d %H:%M} UTC; {one.overturned} of {one.decided} "
            f"appeals were overturned, more than {one.limit_percent} %."
        )
    if not found:
        click.echo("No edit is suspended.")


@command(examples=['ginja review resume-edit duplicate --reason "compares service times now" --by ann'])
@click.argument("edit", metavar="EDIT")
@reason_option(text="Why the edit is right again; no personal data.", required=True)
@BY
def resume_edit(edit: str, reason: str, by: str | None, as_json: bool) -> None:
    """End the suspension of EDIT; appeals decided from now count for its limit."""
    from api.appeals import resume_edit as resume

    existing_database_url()
    who = by or getpass.getuser()
    if not with_database(partial(resume, edit=edit, by=who, reason=reason)):
        raise click.UsageError(f"{edit} is not suspended; `ginja review edits` lists the suspended edits.")
    if as_json:
        print_json({"edit": edit, "resumed_by": who})
    else:
        click.echo(f"{edit} rejects or reduces claims again.")
