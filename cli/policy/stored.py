"""`ginja policy replay`: what a policy would have changed of the decisions in the database."""

from dataclasses import asdict
from functools import partial

import click

from cli.command import command
from cli.database import existing_database_url, with_database
from cli.output import print_json
from cli.policy.choices import PolicyChoices
from core.format import counted


@command(examples=["ginja policy replay policy.yaml", "ginja policy replay 3 --claims 50000 --json"])
@click.argument("policy")
@click.option("--claims", default=10_000, show_default=True, type=click.IntRange(1), help="Newest claims to evaluate.")
def replay(policy: str, claims: int, as_json: bool) -> None:
    """Evaluate stored decisions by POLICY, a file or a version: which would go to review, and which to approval.

    Caps and rules are evaluated with the score that each claim had. The findings of edits and prices are taken as they
    were stored, so that a change of a price parameter shows in `ginja policy test` only. Nothing is changed.
    """
    from api.replays import replay_decisions
    from core.settings import settings

    existing_database_url()
    chosen = PolicyChoices.read().choose(policy)
    found = with_database(partial(replay_decisions, document=chosen.document, settings=settings(), most=claims))
    if as_json:
        print_json({"policy": chosen.name, **asdict(found)})
        return
    click.echo(
        f"{counted(found.decisions, 'stored decision')} by {chosen.name}: {found.to_review:,} to review "
        f"({found.to_review_cents / 100:,.0f} dollars), {found.to_approval:,} to approval "
        f"({found.to_approval_cents / 100:,.0f} dollars)"
    )
    for one in found.groups:
        click.echo(f"  {one.group} {one.value}: {one.changed:,} of {one.decisions:,}")
