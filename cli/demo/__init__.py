"""`ginja demo` and `ginja up`: the whole platform on one machine."""

from typing import TYPE_CHECKING

import click

from cli.command import ProcessCommand, command

if TYPE_CHECKING:
    from core.supervision import StopSignals


@command(examples=["ginja demo", "ginja demo --claims 20000 --json"], kind=ProcessCommand)
@click.option(
    "--claims", default=100_000, show_default=True, type=click.IntRange(1), help="Claims of the simulated history."
)
def demo(claims: int, as_json: bool) -> None:
    """Run the whole platform once: simulate, train, serve, decide, fail, recover. Leaves nothing running."""
    from dataclasses import asdict

    from cli.demo.progress import StepLog
    from cli.demo.tour import tour
    from cli.output import print_json
    from cli.progress import console
    from core.logging import configure_logging
    from core.settings import settings

    configure_logging("ERROR")
    figures = tour(settings(), StepLog(console()), claims=claims)
    if as_json:
        print_json(asdict(figures))


@command(examples=["ginja up", "ginja up --claims 20000"], kind=ProcessCommand)
@click.option(
    "--claims",
    default=100_000,
    show_default=True,
    type=click.IntRange(1),
    help="Claims of the simulated history, if the home has no data yet.",
)
@click.pass_obj
def up(signals: "StopSignals", claims: int, as_json: bool) -> None:
    """Start the platform and keep it running until Ctrl-C. Existing data and champion are kept."""
    from cli.demo.progress import StepLog
    from cli.demo.stay import stay_up
    from cli.progress import console
    from core.logging import configure_logging
    from core.settings import settings

    configure_logging("ERROR")
    stay_up(settings(), StepLog(console()), signals, claims=claims, as_json=as_json)
