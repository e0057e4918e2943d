"""`ginja data find-member`: the members that a name or a birth date means, with their ids."""

import getpass
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click

from cli.command import command
from cli.database import existing_database_url, with_database
from cli.options import BY, DAY
from cli.output import print_json, terminal

if TYPE_CHECKING:
    from api.database import Database
    from api.registry import Entry


@command(
    examples=[
        "ginja data find-member --purpose PATRQT --by ann",
        'ginja data find-member --name "Jane Roe" --purpose HOPERAT --json',
        "ginja data find-member --name roe --birth-date 1980-03-02 --purpose PATRQT",
    ]
)
@click.option("--name", help="The whole name in any order, or with a birth date a part of it; default: asked for.")
@click.option("--birth-date", "born", type=DAY, metavar="DAY", help="The birth date, with another field.")
@click.option("--sex", type=click.Choice(["F", "M"]), help="Only members of this sex.")
@click.option("--region", help="Only members of this region.")
@click.option("--plan", "plan_id", metavar="PLAN", help="Only members whose latest plan is this one.")
@click.option(
    "--purpose",
    required=True,
    metavar="CODE",
    help="Why: a code of HL7 v3 PurposeOfUse, such as PATRQT, HOPERAT or FRAUD; it is in the audit log.",
)
@BY
def find_member(
    name: str | None,
    born: datetime | None,
    sex: str | None,
    region: str | None,
    plan_id: str | None,
    purpose: str,
    by: str | None,
    as_json: bool,
) -> None:
    """Find members by who they are, through the encrypted index, and list their ids with name and birth date.

    A name that is asked for is neither in the history of the shell nor in the list of processes. A search that more
    than 20 members fit is refused. The search and each member that it finds are in the audit log.
    """
    from api.errors import Invalid
    from api.field_keys import FieldKeys
    from api.identity import Caller
    from api.registry import MemberSearch, sought_member
    from api.request_context import PURPOSES, stating_purpose
    from core.settings import settings

    if purpose not in PURPOSES:
        raise click.BadParameter(f"{purpose!r} is none of {', '.join(PURPOSES)}.", param_hint="--purpose")
    url = existing_database_url()
    if name is None and born is None:
        name = click.prompt("Name", err=True)
    stated = {"name": name, "birth_date": None if born is None else born.date().isoformat(), "sex": sex}
    stated |= {"region": region, "plan_id": plan_id}
    caller = Caller("command line", "operator", None, by or getpass.getuser())

    async def find(database: "Database") -> "Sequence[Entry]":
        with stating_purpose(purpose):
            return await MemberSearch(database, FieldKeys(settings(), url)).find(caller, sought_member(stated))

    try:
        found = with_database(find)
    except Invalid as error:
        options = {"plan_id": "plan"}
        refused = (f"--{options.get(one.field, one.field).replace('_', '-')} {one.message}" for one in error.errors)
        raise click.UsageError(f"{'; '.join(refused)}.") from None
    _show(found, as_json=as_json)


def _show(found: "Sequence[Entry]", *, as_json: bool) -> None:
    from api.registry import shown_entry

    members = [shown_entry(one) for one in found]
    if as_json:
        print_json({"members": members})
        return
    if not members:
        click.echo("No member fits.")
        return
    from rich.table import Table

    columns = ("member_id", "name", "birth_date", "sex", "region", "plan_id")
    table = Table(*columns)
    for one in members:
        table.add_row(*(str(one[column] or "") for column in columns))
    terminal().print(table)
