"""`ginja model trial`: a challenger that scores beside the champion, and where the two disagree."""

from typing import TYPE_CHECKING

import click

from cli.command import command
from cli.database import existing_database_url
from cli.options import model_option
from cli.output import print_json, terminal
from cli.progress import task
from cli.recording import note
from core.format import counted

if TYPE_CHECKING:
    from pipelines.challenger import TrialReport


@command(examples=["ginja model trial start", "ginja model trial start --canary 0.05"])
@model_option("the candidate")
@click.option(
    "--canary",
    default=0.0,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="Share of the claims the challenger decides, by a hash of the claim id; above 0 the gates must pass.",
)
def start(version: str | None, canary: float, as_json: bool) -> None:
    """Let a challenger score every claim beside the champion; exits 4 if a gate refuses it."""
    from core.settings import settings
    from pipelines.challenger import start as begin

    with task("Starting the trial") as progress:
        trial = begin(settings().home, version, canary_share=canary, step=progress.step)
    note("model", trial.version, champion=trial.champion)
    if as_json:
        print_json(trial.as_json())
        return
    share = f"decides {canary:.3g} of the claims" if canary else "in shadow, decides nothing"
    click.echo(f"Challenger {trial.version} beside champion {trial.champion}: {share}.")


@command(examples=["ginja model trial stop"])
def stop(as_json: bool) -> None:
    """End the trial; the champion scores alone again."""
    from core.settings import settings
    from pipelines.challenger import stop as end

    version = end(settings().home)
    note("model", version)
    if as_json:
        print_json({"stopped": version})
    else:
        click.echo(f"Stopped the trial of {version}.")


@command(examples=["ginja model trial report --days 7"])
@model_option("the challenger of the running trial")
@click.option(
    "--days", default=7, show_default=True, type=click.IntRange(1, 3_650), help="Days of assessments, up to now."
)
def report(version: str | None, days: int, as_json: bool) -> None:
    """Show where champion and challenger disagree on the claims that both scored."""
    from datetime import timedelta

    from core import clock
    from core.settings import settings
    from pipelines.challenger import assessed, compare, running
    from pipelines.formatting import rounded

    version = version or running(settings().home)
    rows = assessed(existing_database_url(), version, since=clock.now() - timedelta(days=days))
    found = compare(rows, challenger=version)
    if as_json:
        print_json(rounded(found.as_json()))
    elif not found.claims:
        click.echo(f"No claim of the last {days} days was scored by {version} and another model.")
    else:
        _show(found)


def _show(found: "TrialReport") -> None:
    from rich.table import Table

    from claims.money import format_cents
    from core.format import number, percent

    console = terminal()
    console.print(
        f"{found.challenger} beside {', '.join(found.champions)}: {counted(found.claims, 'claim')}, "
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
    widest = Table(title="Largest disagreements")
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
