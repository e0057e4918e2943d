"""`ginja review simulate-clock`: does a team of a given capacity decide claims before their prompt-pay due dates?"""

from dataclasses import asdict

import click

from cli.command import command
from cli.output import print_json


@command(
    examples=[
        "ginja review simulate-clock --weeks 52 --capacity 110",
        "ginja review simulate-clock --weeks 52 --capacity 90 --arrivals 120 --json",
    ]
)
@click.option("--weeks", default=52, show_default=True, type=click.IntRange(1, 520), help="Weeks to simulate.")
@click.option("--capacity", required=True, type=click.IntRange(0, 100_000), help="Claims that are decided in a week.")
@click.option(
    "--arrivals",
    default=100,
    show_default=True,
    type=click.IntRange(1, 10_000),
    help="Claims a week that enter review.",
)
@click.option(
    "--clock-share",
    default=0.8,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="Share of them with a prompt-pay clock, in equal parts by rule.",
)
@click.option(
    "--seeds", default=5, show_default=True, type=click.IntRange(1, 100), help="Simulated arrivals, for the spread."
)
def simulate_clock(weeks: int, capacity: int, arrivals: int, clock_share: float, seeds: int, as_json: bool) -> None:
    """Count the prompt-pay breaches at a capacity, and find the smallest capacity without one.

    Arrivals are random, with half as many again in four weeks of the middle. Claims are decided in the order of the
    review list, on working days.
    """
    from api.prompt_pay import prompt_pay_clock
    from claims.prompt_pay import draw_arrivals, simulate_reviews, smallest_capacity
    from core.settings import settings

    days = [rule.days for rule in prompt_pay_clock(settings()).rules if rule.received_through is None]
    runs = []
    for seed in range(1, seeds + 1):
        drawn = draw_arrivals(days, weeks=weeks, a_week=arrivals, clock_share=clock_share, seed=seed)
        run = simulate_reviews(drawn, weeks=weeks, capacity=capacity)
        runs.append((run, smallest_capacity(drawn, weeks=weeks)))
    breaches = [run.breaches for run, _ in runs]
    known = [needed for _, needed in runs if needed is not None]
    enough = max(known) if len(known) == seeds else None
    if as_json:
        listed = [asdict(run) | {"capacity_needed": needed} for run, needed in runs]
        values = {"weeks": weeks, "capacity": capacity, "breaches": max(breaches), "capacity_needed": enough}
        print_json(values | {"runs": listed})
        return
    click.echo(
        f"{weeks} weeks, {arrivals} claims a week, capacity {capacity}: {min(breaches)} to {max(breaches)} breaches in "
        f"{seeds} runs; at most {max(run.waiting for run, _ in runs)} claims wait at the end, and a claim without a "
        f"clock waits at most {max(run.longest_wait_days for run, _ in runs)} days."
    )
    if enough is None:
        click.echo("No capacity prevents every breach: a due date passes before the first working day.")
    else:
        click.echo(f"Smallest capacity without a breach: {min(known)} to {enough} claims a week.")
