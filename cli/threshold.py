"""`ginja threshold`: where to draw the line, what it costs, whom it hits, and who decided."""

import json
from dataclasses import asdict

import click

from cli.model import refusals


@click.command()
@click.argument("version", required=False)
@click.option("--dataset", default="simulated", show_default=True, help="Whose newest window it is shown on.")
@click.option("--reviews-a-week", type=click.FloatRange(min=0, min_open=True), help="The investigators' capacity.")
@click.option("--review-cost", type=click.FloatRange(min=0), help="What one review costs, in whole money.")
@click.option("--at", "threshold", type=click.FloatRange(0, 1), help="A threshold to look at.")
@click.option("--choose", is_flag=True, help="Store it: a new candidate with this threshold; wants --by and --why.")
@click.option("--by", default="", help="Who decides.")
@click.option("--why", default="", help="For what reason.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, as the last line.")
def threshold(
    version: str | None,
    dataset: str,
    reviews_a_week: float | None,
    review_cost: float | None,
    threshold: float | None,
    choose: bool,
    by: str,
    why: str,
    as_json: bool,
) -> None:
    """Show what thresholds of VERSION (default: the last trained) mean: alerts, precision, money, who is hit."""
    from rich.console import Console
    from rich.table import Table

    from core.format import money, number, percent
    from core.settings import settings
    from models.evaluation import ThresholdChoice
    from pipelines.evaluate.flow import latest, named
    from pipelines.evaluate.page import rounded
    from pipelines.evaluate.window import newest_window
    from pipelines.promote.choose import choose as store_choice
    from pipelines.promote.choose import options
    from pipelines.train.dataset import open_named

    home = settings().home
    with refusals(), Console(stderr=True).status("Reading the newest window"):
        source = open_named(dataset, home, settings().data_dir)
        artefact = named(home, version) if version else latest(home, dataset)
        window = newest_window(home, artefact, source=source)
        found = options(
            artefact,
            window,
            reviews_a_week=reviews_a_week,
            review_cents=None if review_cost is None else review_cost * 100,
            threshold=threshold,
        )
        made = None
        if choose:
            how = "number" if threshold is not None else "capacity" if reviews_a_week is not None else "cost"
            made = store_choice(home, artefact, found.asked, by=by, why=why, how=how)
    if as_json:
        chosen = made.version if made else None
        click.echo(json.dumps(rounded({**asdict(found), "candidate": chosen})))
        return
    table = Table("", "threshold", "alerts a day", "precision", "recall", "dollars found", "saved a day")

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
    add("now", found.now)
    add("asked", found.asked)
    console = Console()
    console.print(table)
    for row in found.hit:
        console.print(
            f"  {row['group']} {row['value']}: {percent(row['false_positive_rate'])} of {row['clean_claims']:,} honest "
            f"claims flagged ({percent(row['low'])} to {percent(row['high'])})",
            highlight=False,
        )
    if made is not None:
        console.print(f"candidate {made.version} (version {made.number} in MLflow) has it. Next: ginja promote")
