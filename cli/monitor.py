"""`ginja monitor`: drift of data and scores, and due dates of claims in review."""

from typing import TYPE_CHECKING

import click

from cli.command import command
from cli.database import existing_database_url, with_database
from cli.exit_codes import ExitCode
from cli.options import DATASET, model_option
from cli.output import print_json, terminal
from cli.progress import task
from core.format import counted

if TYPE_CHECKING:
    from api.reviews import DueClaim


@command(examples=["ginja monitor drift", "ginja monitor drift --days 30 --json"])
@model_option("the champion")
@DATASET
@click.option("--days", default=30, show_default=True, type=click.IntRange(1), help="Days to check.")
@click.option(
    "--reference-days", default=60, show_default=True, type=click.IntRange(1), help="Days before them to compare with."
)
def drift(version: str | None, dataset: str, days: int, reference_days: int, as_json: bool) -> None:
    """Compare each day's claims and scores with a reference period; exits 5 if an alarm is raised."""
    from cli.model.common import existing_source
    from core.settings import settings
    from pipelines.drift import check_drift

    with task("Measuring drift"):
        found = check_drift(
            settings().home, existing_source(dataset), version=version, days=days, reference_days=reference_days
        )
    if as_json:
        print_json(found.as_json())
    else:
        reference = " to ".join(found.reference)
        click.echo(
            f"{found.model} on {counted(len(found.days), 'day')} of {found.dataset}; reference period {reference}"
        )
        for cause in found.raised:
            click.echo(cause.text())
        click.echo(f"{counted(len(found.raised), 'alarm')}. Report: reports/drift.html under the home")
    if found.raised:
        raise SystemExit(ExitCode.DRIFT)


@command(examples=["ginja monitor prompt-pay", "ginja monitor prompt-pay --days 10 --json"])
@click.option(
    "--days",
    type=click.IntRange(0, 365),
    help="Days before a due date from which it is reported; default: GINJA_PROMPT_PAY_ALARM_DAYS.",
)
def prompt_pay(days: int | None, as_json: bool) -> None:
    """List the claims in review whose prompt-pay due date has passed or is near; exits 5 if there is one."""
    from dataclasses import asdict
    from functools import partial

    from api.prompt_pay import prompt_pay_clock
    from api.reviews import due_claims
    from claims.money import format_cents
    from claims.prompt_pay import PromptPayState
    from core.settings import settings

    existing_database_url()
    now = settings()
    clock = prompt_pay_clock(now if days is None else now.model_copy(update={"prompt_pay_alarm_days": days}))
    found = with_database(partial(due_claims, clock=clock, time_zone=now.zone))
    overdue = sum(one.state is PromptPayState.OVERDUE for one in found)
    if as_json:
        claims = [
            {name: value for name, value in asdict(one).items() if name != "interest_cents"}
            | {"interest_amount": format_cents(one.interest_cents)}
            for one in found
        ]
        print_json({"overdue": overdue, "due_soon": len(found) - overdue, "claims": claims})
    else:
        _show_due(found)
        click.echo(f"{overdue} claims in review are overdue, {len(found) - overdue} are due soon.")
    if found:
        raise SystemExit(ExitCode.DRIFT)


def _show_due(found: "list[DueClaim]") -> None:
    from rich.table import Table

    from claims.money import format_cents

    if not found:
        return
    table = Table("claim", "due", "days left", "interest", "line of business", "state", title_justify="left")
    for one in found:
        interest = format_cents(one.interest_cents)
        table.add_row(
            one.claim_id, str(one.due_on), str(one.days_left), interest, one.line_of_business, one.state_code or "any"
        )
    terminal().print(table)
