"""`ginja review simulate`: a simulated year of reviews under three policies."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.command import command
from cli.options import PLOT
from cli.output import print_json, terminal
from cli.progress import task
from core.format import counted

if TYPE_CHECKING:
    from pipelines.loop import PolicyComparison


@command(examples=["ginja review simulate --months 12 --plot learning-loop.svg --json"])
@click.option("--months", default=12, show_default=True, type=click.IntRange(2, 24), help="Months of four weeks.")
@click.option(
    "--claims", default=100_000, show_default=True, type=click.IntRange(5_000), help="Claims, the history included."
)
@click.option(
    "--seeds", default=3, show_default=True, type=click.IntRange(1, 20), help="Simulated insurers, for the spread."
)
@click.option(
    "--review-share",
    default=0.02,
    show_default=True,
    type=click.FloatRange(0.001, 0.5),
    help="Share of the claims that is reviewed.",
)
@click.option(
    "--audit-share",
    default=0.1,
    show_default=True,
    type=click.FloatRange(0, 0.9),
    help="Share of the reviews that is drawn at random.",
)
@PLOT
def simulate(
    months: int, claims: int, seeds: int, review_share: float, audit_share: float, plot: Path | None, as_json: bool
) -> None:
    """Compare three policies on the same claims: random audit, flagged claims only, never retrain.

    Halfway through, two kinds of fraud end and two new ones begin.
    """
    from pipelines.formatting import rounded
    from pipelines.loop import compare_policies

    with task("Simulating") as progress:

        def show(done: int, of: int, what: str) -> None:
            progress.done(done, of)
            progress.step(what)

        found = compare_policies(
            claims=claims,
            months=months,
            seeds=range(1, seeds + 1),
            review_share=review_share,
            audit_share=audit_share,
            done=show,
        )
        if plot is not None:
            from pipelines.loop import draw_policies

            draw_policies(found, plot)
    if as_json:
        print_json(rounded(found.as_json()))
        return
    _show_policies(found)


def _show_policies(found: "PolicyComparison") -> None:
    from rich.table import Table

    from core.format import money, percent

    table = Table("policy", "dollars found", "2nd half", "precision", "2nd half", "ECE", "2nd half")
    for name, one in found.policies.items():
        table.add_row(
            name,
            f"{money(one.total.found_cents.mean)} ({percent(one.total.dollars.mean)})",
            percent(one.after_change.dollars.mean),
            percent(one.total.precision.mean),
            percent(one.after_change.precision.mean),
            f"{one.total.calibration_error.mean:.4f}",
            f"{one.after_change.calibration_error.mean:.4f}",
        )
    terminal().print(table)
    click.echo(
        f"Means of {counted(len(found.seeds), 'simulated insurer')} with {counted(found.claims, 'claim')} each, "
        f"{found.seconds} s"
    )
