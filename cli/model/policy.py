"""`ginja policy`: what the edits and their thresholds would have done, so that an insurer can set them."""

import json
from dataclasses import asdict

import click

from cli.model import JSON, refusals


@click.group()
def policy() -> None:
    """The policy of edits: its thresholds are settings (GINJA_AUTO_APPROVAL_CAP_CENTS and others); try them here."""


@policy.command()
@click.option("--dataset", default="simulated", show_default=True, help="simulated, provider-fraud, or a folder.")
@click.option("--model", "version", help="Version that scores; default: the champion, else the last trained.")
@click.option("--no-model", is_flag=True, help="Try the policy as while the scorer is away: the 2× rule decides.")
@click.option("--days", default=90, show_default=True, type=click.IntRange(1), help="Last days of labelled claims.")
@click.option(
    "--claims", "most", default=20_000, show_default=True, type=click.IntRange(1), help="At most so many claims."
)
@JSON
def backtest(dataset: str, version: str | None, no_model: bool, days: int, most: int, as_json: bool) -> None:
    """Run every edit over the history: alerts a day, precision against the labels, dollars, by finding.

    Every labelled claim of the last DAYS days is decided as the API would decide it now, with the price statistics of
    the Monday before it. A finding floods where it has many alerts a day and holds up many honest claims; it sleeps
    where it has none. Change a setting and run it again to compare. Precision has an exact 95 % interval.
    """
    from rich.console import Console

    from core.settings import settings
    from pipelines.behaviour.run import run_backtest

    with refusals(), Console(stderr=True).status("Reading the history") as status:
        found = run_backtest(
            settings().home,
            dataset=dataset,
            data_dir=settings().data_dir,
            version=version,
            with_model=not no_model,
            days=days,
            most=most,
            step=status.update,
        )
    if as_json:
        click.echo(json.dumps(asdict(found), default=str))
        return
    _show(found)


def _show(found: "object") -> None:
    from rich.console import Console
    from rich.table import Table

    from pipelines.behaviour import Backtest

    assert isinstance(found, Backtest)
    console = Console()
    console.print(
        f"{found.claims:,} claims, {found.frauds:,} of them fraud, {found.since} to {found.until}; "
        f"model: {found.model or 'none'}"
    )
    table = Table("finding", "alerts", "a day", "fraud", "precision (95 %)", "honest held", "dollars held", "alone")
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
