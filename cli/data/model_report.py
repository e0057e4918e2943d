"""`ginja data model-report`: which models learned from the claims of a member."""

import click

from cli.command import command
from cli.output import print_json, terminal

_SEEN = {True: "yes", False: "no", None: "not recorded"}


@command("model-report", examples=["ginja data model-report M123", "ginja data model-report M123 --json"])
@click.argument("member_id", metavar="MEMBER")
def model_report(member_id: str, as_json: bool) -> None:
    """Show which models of this home learned from claims of MEMBER, and whether it is left out of the next one.

    Models of releases that kept no record, and of other homes, are shown as not recorded.
    """
    from claims.service_days import receipt_day
    from core import clock
    from core.erasures import FILE, read_erasures
    from core.objections import FILE as OBJECTIONS
    from core.objections import read_objections
    from core.settings import settings
    from models.artefact import stored_models
    from pipelines.datasets import saw_member

    home = settings().home.resolve()
    erased = next((one for one in read_erasures(home / FILE) if one.member_id == member_id), None)
    today = receipt_day(clock.now(), settings().zone)
    objects = any(one.member_id == member_id and one.is_in_force(today) for one in read_objections(home / OBJECTIONS))
    models = [(one, saw_member(home, one.version, member_id)) for one in stored_models(home)]
    if as_json:
        print_json(
            {
                "member_id": member_id,
                "erased_at": None if erased is None else erased.erased_at,
                "objects_to_training": objects,
                "models": [
                    {"model": one.version, "roles": list(one.roles), "learned_from_member": saw} for one, saw in models
                ],
            }
        )
        return
    from rich.table import Table

    table = Table("model", "role", "learned from the member")
    for one, saw in models:
        table.add_row(one.version, ", ".join(one.roles) or "–", _SEEN[saw])
    terminal().print(table)
    if objects:
        click.echo(f"Member {member_id} objects to training: the next model is without it.")
    if erased is None:
        click.echo(f"Member {member_id} is not erased.")
    else:
        click.echo(f"Member {member_id} was erased on {erased.erased_at:%Y-%m-%d}: the next model is without it.")
