"""`ginja demo` and `ginja up`: the whole platform on one machine."""

from typing import TYPE_CHECKING

import click

from cli.command import ProcessCommand, command

if TYPE_CHECKING:
    from core.supervision import StopSignals


@command(
    examples=["ginja demo", "ginja demo --claims 20000 --json", "ginja demo --case --json"],
    kind=ProcessCommand,
)
@click.option(
    "--claims",
    type=click.IntRange(1),
    help="Claims of the simulated history; default: 100,000, with --case 20,000.",
)
@click.option("--case", "is_case", is_flag=True, help="Work one case, from a flagged claim to a retrained candidate.")
def demo(claims: int | None, is_case: bool, as_json: bool) -> None:
    """Run the whole platform once: simulate, train, serve, decide, fail, recover. Leaves nothing running.

    With --case, people work one case at the console over HTTP instead: lead, case, evidence pack, sample, demand,
    appeal, label, retrained candidate; each step is computed again.
    """
    from dataclasses import asdict

    from cli.demo.progress import StepLog
    from cli.output import print_json
    from cli.progress import console
    from core.logging import configure_logging
    from core.settings import settings

    configure_logging("ERROR")
    log = StepLog(console())
    if is_case:
        from cli.demo.case import case_tour

        case = case_tour(settings(), log, claims=claims or 20_000)
        figures = asdict(case)
    else:
        from cli.demo.tour import tour

        figures = asdict(tour(settings(), log, claims=claims or 100_000))
    if as_json:
        print_json(figures)


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
