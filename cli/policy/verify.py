"""`ginja policy verify`: stored decisions, evaluated again."""

from dataclasses import asdict
from functools import partial

import click

from cli.command import command
from cli.database import existing_database_url, with_database
from cli.exit_codes import ExitCode
from cli.output import print_json
from core.format import counted


@command(examples=["ginja policy verify", "ginja policy verify --claims 100000 --json"])
@click.option("--claims", default=10_000, show_default=True, type=click.IntRange(1), help="Newest claims to evaluate.")
def verify(claims: int, as_json: bool) -> int:
    """Evaluate stored decisions again, each by the version of the policy that made it; exit 1 if one differs.

    Caps and rules are evaluated from the claim's stored facts. Findings of edits and prices rest on statistics of the
    claim's receipt, and are taken as they were stored. Decisions of before policies had versions are left out.
    """
    from api.replays import verify_decisions
    from core.settings import settings

    existing_database_url()
    found = with_database(partial(verify_decisions, settings=settings(), most=claims))
    if as_json:
        print_json(asdict(found))
    else:
        click.echo(
            f"{counted(found.decisions, 'decision')} evaluated again; with another outcome: {found.different:,}."
        )
        for one in found.examples:
            click.echo(f"{one.claim_id}: version {one.policy_version}, {one.stored} -> {one.evaluated}")
    return ExitCode.FAILED if found.different else ExitCode.OK
