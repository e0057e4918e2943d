"""`ginja bench recovery` and `ginja bench audit-share`: what investigators' lists find, on small simulated insurers."""

from collections.abc import Sequence

import click

from cli.command import ProcessCommand, command
from cli.output import print_json, terminal
from cli.progress import task

_INSURERS = click.option(
    "--insurers", default=10, show_default=True, type=click.IntRange(1, 50), help="Simulated insurers."
)
_FIRST_SEED = click.option(
    "--first-seed", default=1, show_default=True, type=click.IntRange(0), help="Seed of the first; the others follow."
)


@command(
    examples=["ginja bench recovery --json", "ginja bench recovery --insurers 3 --first-seed 101"], kind=ProcessCommand
)
@_INSURERS
@_FIRST_SEED
@click.option(
    "--claims", default=20_000, show_default=True, type=click.IntRange(5_000), help="Claims of each, in two years."
)
@click.option(
    "--fraud-rate", default=0.02, show_default=True, type=click.FloatRange(0.005, 0.1), help="Share of fraud."
)
@click.option(
    "--review-share",
    default=0.05,
    show_default=True,
    type=click.FloatRange(0.001, 0.5),
    help="Share of a week's claims on its list.",
)
@click.option(
    "--replicates", default=300, show_default=True, type=click.IntRange(2), help="Bootstrap draws for each interval."
)
def recovery(
    insurers: int, first_seed: int, claims: int, fraud_rate: float, review_share: float, replicates: int, as_json: bool
) -> None:
    """Compare rankings by money, and check what the weekly lists promise.

    Dollars found in the first 0.5, 1 and 2 % of a year's claims by expected recovery and by each simple ranking, with
    paired intervals; and how many of the year's weekly lists have the share of fraud that was promised.
    """
    from core import telemetry

    telemetry.turn_off()
    from benchmarks.recovery import columns, measure, tables
    from pipelines.formatting import rounded

    with task("Comparing rankings by money") as progress:
        found = measure(
            progress.step,
            seeds=range(first_seed, first_seed + insurers),
            claims=claims,
            fraud_rate=fraud_rate,
            review_share=review_share,
            replicates=replicates,
        )
    if as_json:
        print_json(rounded(found.as_json()))
        return
    _show(*((title, columns() if len(rows[0]) > 2 else ("", ""), rows) for title, rows in tables(found)))


@command("audit-share", examples=["ginja bench audit-share --json"], kind=ProcessCommand)
@_INSURERS
@_FIRST_SEED
@click.option(
    "--claims", default=10_000, show_default=True, type=click.IntRange(5_000), help="Claims of each simulated insurer."
)
@click.option("--months", default=6, show_default=True, type=click.IntRange(2, 24), help="Months of four weeks.")
def audit_share(insurers: int, first_seed: int, claims: int, months: int, as_json: bool) -> None:
    """Measure what share of the reviews should be drawn at random, and when it pays.

    First whether a model that learns only from the claims it selects converges to the truth, in the binary regression
    of arXiv 2509.18739; then the dollars found and the quality of the model by audit share, on simulated insurers in
    which kinds of fraud end and begin.
    """
    from core import telemetry

    telemetry.turn_off()
    from benchmarks.audit_share import measure, tables
    from pipelines.formatting import rounded

    with task("Comparing audit shares") as progress:
        found = measure(progress.step, seeds=range(first_seed, first_seed + insurers), claims=claims, months=months)
    if as_json:
        print_json(rounded(found.as_json()))
        return
    _show(*tables(found))


def _show(*tables: tuple[str, Sequence[str], Sequence[Sequence[str]]]) -> None:
    """Print tables, each as title, headings and rows."""
    from rich.table import Table

    for title, headings, rows in tables:
        shown = Table(*headings, title=title)
        for row in rows:
            shown.add_row(*row)
        terminal().print(shown)
