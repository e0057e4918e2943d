"""`ginja challenger`: a model that scores in the champion's shadow, and what would change if it were the champion."""

import json
from typing import TYPE_CHECKING

import click

from cli.model import JSON, refusals

if TYPE_CHECKING:
    from pipelines.challenger import Report


@click.group()
def challenger() -> None:
    """A model that scores in the champion's shadow, and where the two disagree."""


@challenger.command()
@click.argument("version", required=False)
@click.option(
    "--canary",
    default=0.0,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="Share of the claims it decides, by a hash of the claim's identifier; above 0 the gates must agree.",
)
@JSON
def start(version: str | None, canary: float, as_json: bool) -> None:
    """Let VERSION (default: the candidate) score every claim beside the champion; exits 4 where a gate refuses."""
    from rich.console import Console

    from core.settings import settings
    from pipelines.challenger import start as begin

    with refusals(), Console(stderr=True).status("Looking the model up") as status:
        trial = begin(settings().home, version, canary_share=canary, step=status.update)
    if as_json:
        click.echo(json.dumps(trial.as_json()))
        return
    share = f"decides {canary:.3g} of the claims" if canary else "in shadow, decides nothing"
    click.echo(f"challenger: {trial.version} beside {trial.champion}, {share}")


@challenger.command()
@JSON
def stop(as_json: bool) -> None:
    """End the trial: the champion scores alone."""
    from core.settings import settings
    from pipelines.challenger import stop as end

    with refusals():
        version = end(settings().home)
    click.echo(json.dumps({"stopped": version}) if as_json else f"{version} challenges no more")


@challenger.command()
@click.argument("version", required=False)
@click.option("--days", default=7, show_default=True, type=click.IntRange(1, 3_650), help="Of assessments, until now.")
@JSON
def report(version: str | None, days: int, as_json: bool) -> None:
    """Where the champion and VERSION (default: the challenger that runs) disagree on the claims both scored."""
    from datetime import timedelta

    from core import clock
    from core.servers import postgres_url
    from core.settings import settings
    from pipelines.challenger import assessed, compare, running
    from pipelines.evaluate.page import rounded

    with refusals():
        version = version or running(settings().home)
        rows = assessed(postgres_url(settings()), version, since=clock.now() - timedelta(days=days))
        found = compare(rows, challenger=version)
    if as_json:
        click.echo(json.dumps(rounded(found.as_json())))
    elif not found.claims:
        click.echo(f"no claim of the last {days} days was scored by {version} and another model")
    else:
        _show(found)


def _show(found: "Report") -> None:
    from rich.console import Console
    from rich.table import Table

    from claims.money import format_cents
    from core.format import number, percent

    console = Console()
    console.print(
        f"{found.challenger} beside {', '.join(found.champions)}: {found.claims:,} claims, "
        f"{found.canary_claims:,} of them decided by the challenger",
        highlight=False,
    )
    flags = Table("", "challenger flags", "challenger does not")
    flags.add_row("champion flags", f"{found.both_flagged:,}", f"{found.champion_only:,}")
    flags.add_row("champion does not", f"{found.challenger_only:,}", f"{found.neither_flagged:,}")
    console.print(flags)
    console.print(
        f"agreement {percent(found.agreement)}, rank correlation {number(found.rank_correlation)}, "
        f"mean difference of probability {number(found.mean_difference)}",
        highlight=False,
    )
    if found.labelled_disagreements:
        console.print(
            f"of {found.labelled_disagreements:,} labelled claims that one flagged, the champion was right on "
            f"{found.champion_right:,}, the challenger on {found.challenger_right:,}",
            highlight=False,
        )
    widest = Table(title="Where they disagree most")
    widest.add_column("claim", no_wrap=True)  # whole, to be copied
    for name in ("amount", "champion", "challenger", "label"):
        widest.add_column(name)
    for pair in found.widest:
        widest.add_row(
            pair.claim_id,
            format_cents(pair.amount_cents),
            f"{pair.champion_probability:.1%}{' flag' if pair.champion_flagged else ''}",
            f"{pair.challenger_probability:.1%}{' flag' if pair.challenger_flagged else ''}",
            "" if pair.fraud is None else "fraud" if pair.fraud else "honest",
        )
    console.print(widest)
