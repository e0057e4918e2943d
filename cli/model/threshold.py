"""`ginja model threshold`: what a threshold means, whom it affects, and who chose it."""

from dataclasses import asdict

import click

from cli.command import command
from cli.options import BY, CAPACITY, DATASET, model_option, reason_option
from cli.output import print_json, terminal
from cli.progress import task
from cli.recording import note


@command(
    examples=[
        "ginja model threshold --capacity 40",
        'ginja model threshold --capacity 40 --choose --by "R. Owner" --reason "two investigators from May"',
    ]
)
@model_option("the last one trained on the data set")
@DATASET
@CAPACITY
@click.option("--review-cost", type=click.FloatRange(min=0), help="Cost of one review, in whole units of money.")
@click.option("--at", "threshold", type=click.FloatRange(0, 1), help="Show this threshold.")
@click.option("--choose", is_flag=True, help="Register a candidate with this threshold; needs --by and --reason.")
@BY
@reason_option(text="Why it is chosen.")
def threshold(
    version: str | None,
    dataset: str,
    capacity: float | None,
    review_cost: float | None,
    threshold: float | None,
    choose: bool,
    by: str | None,
    reason: str | None,
    as_json: bool,
) -> None:
    """Show what thresholds mean on the newest claims: alerts, precision, money, false positives by group."""
    if choose and not (by and reason):
        raise click.UsageError("--choose needs --by and --reason.")
    from rich.table import Table

    from core.format import money, number, percent
    from core.settings import settings
    from models.evaluation import ThresholdChoice
    from pipelines.datasets import open_named
    from pipelines.evaluate import find_model, newest_window
    from pipelines.formatting import rounded
    from pipelines.promote import choose_threshold as store_choice
    from pipelines.promote import threshold_options

    home = settings().home
    with task("Reading the newest claims"):
        source = open_named(dataset, home)
        artefact = find_model(home, dataset, version)
        window = newest_window(home, artefact, source=source)
        found = threshold_options(
            artefact,
            window,
            reviews_a_week=capacity,
            review_cents=None if review_cost is None else review_cost * 100,
            threshold=threshold,
        )
        made = None
        if choose:
            how = "number" if threshold is not None else "capacity" if capacity is not None else "cost"
            made = store_choice(home, artefact, found.requested, by=by or "", why=reason or "", how=how)
    note("model", artefact.version if made is None else made.version)
    if as_json:
        chosen = made.version if made else None
        print_json(rounded({**asdict(found), "candidate": chosen}))
        return
    table = Table("", "threshold", "alerts per day", "precision", "recall", "dollars found", "saved per day")

    def add(name: str, choice: ThresholdChoice) -> None:
        table.add_row(
            name,
            f"{choice.threshold:.4f}",
            number(choice.alerts_per_day),
            percent(choice.precision),
            percent(choice.recall),
            percent(choice.dollars),
            money(choice.cents_saved_per_day),
        )

    for choice in found.choices:
        add("", choice)
    add("current", found.current)
    add("requested", found.requested)
    console = terminal()
    console.print(table)
    for row in found.group_false_positives:
        console.print(
            f"  {row.group} {row.value}: {percent(row.false_positive_rate)} of {row.clean_claims:,} clean claims "
            f"flagged ({percent(row.low)} to {percent(row.high)})",
            highlight=False,
        )
    if made is not None:
        console.print(
            f"candidate {made.version} (version {made.number} in MLflow) has this threshold. Next: ginja model promote"
        )
