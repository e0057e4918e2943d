"""`ginja policy backtest`: what the edits and their thresholds would have done, so that an insurer can set them."""

from dataclasses import asdict

import click

from cli.command import command
from cli.options import DATASET, model_option
from cli.output import print_json, terminal
from cli.progress import task
from core.format import counted


@command(
    examples=[
        "ginja policy backtest --days 90",
        "GINJA_AUTO_APPROVAL_CAP_CENTS=500000 ginja policy backtest --json",
    ]
)
@DATASET
@model_option("the champion, else the last one trained")
@click.option("--no-model", is_flag=True, help="Without scores: the 2× rule decides, as when the scorer is down.")
@click.option("--days", default=90, show_default=True, type=click.IntRange(1), help="Last days of labelled claims.")
@click.option("--claims", default=20_000, show_default=True, type=click.IntRange(1), help="Maximum number of claims.")
def backtest(dataset: str, version: str | None, no_model: bool, days: int, claims: int, as_json: bool) -> None:
    """Run every edit on past claims: alerts per day, precision against the labels, and dollars, by finding.

    Every labelled claim of the last DAYS days is decided as the API would decide it now, with the price statistics of
    the Monday before it. A finding with many alerts per day that holds many honest claims is too strict; one with no
    alerts does nothing. Change a setting and run it again to compare. Precision has an exact 95 % interval.
    """
    from core.settings import settings
    from pipelines.behaviour import run_backtest

    with task("Backtesting") as progress:
        found = run_backtest(
            settings().home,
            dataset=dataset,
            version=version,
            with_model=not no_model,
            days=days,
            maximum=claims,
            step=progress.step,
        )
    if as_json:
        print_json(asdict(found))
        return
    _show(found)


def _show(found: "object") -> None:
    from rich.table import Table

    from pipelines.behaviour import Backtest

    assert isinstance(found, Backtest)
    console = terminal()
    console.print(
        f"{counted(found.claims, 'claim')}, {found.frauds:,} of them fraud, {found.since} to {found.until}; "
        f"model: {found.model or 'none'}"
    )
    table = Table(
        "finding",
        "alerts",
        "per day",
        "fraud",
        "precision (95 %)",
        "honest held",
        "dollars held",
        "sole finding",
    )
    for line in (*found.lines, found.rule_alone):
        interval = "" if line.precision_low is None else f" ({line.precision_low:.1%} to {line.precision_high:.1%})"
        table.add_row(
            line.finding,
            f"{line.alerts:,}",
            f"{line.alerts_a_day:.2f}",
            f"{line.frauds:,}",
            "" if line.precision is None else f"{line.precision:.1%}{interval}",
            f"{line.share_of_honest:.2%}",
            f"{line.cents_held / 100:,.0f}",
            f"{line.alone:,}",
        )
    console.print(table)
