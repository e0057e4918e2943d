"""`ginja report`: what the insurer states to regulators."""

import re
from datetime import date, datetime, time, tzinfo
from typing import TYPE_CHECKING

import click

from cli.command import command
from cli.database import existing_database_url, with_database
from cli.output import print_json, terminal

if TYPE_CHECKING:
    from api.reviews import AiUseReport

_QUARTER = re.compile(r"(20[0-9]{2})Q([1-4])", re.ASCII)


@command(examples=["ginja report ai-use --quarter 2026Q3", "ginja report ai-use --quarter 2026Q3 --json"])
@click.option("--quarter", required=True, help="Such as 2026Q3, in the insurer's time zone.")
def ai_use(quarter: str, as_json: bool) -> None:
    """Count the decisions of a quarter by contract, model, rule and person, and those that were overturned.

    Decisions count by when they were made. No claim is rejected or reduced without a person except by its contract.
    """
    from dataclasses import asdict
    from functools import partial

    from api.reviews import ai_use_report
    from core.settings import settings

    existing_database_url()
    first, until = quarter_of(quarter, settings().zone)
    found = with_database(partial(ai_use_report, first=first, until=until))
    if as_json:
        print_json({"quarter": quarter} | asdict(found))
        return
    _show(quarter, found)


def quarter_of(text: str, time_zone: tzinfo) -> tuple[datetime, datetime]:
    """The first instant of a quarter, and of the next. Raises `click.BadParameter`."""
    named = _QUARTER.fullmatch(text)
    if named is None:
        raise click.BadParameter("must be a year and quarter such as 2026Q3", param_hint="--quarter")
    year, number = int(named[1]), int(named[2])
    following = (year + 1, 1) if number == 4 else (year, number + 1)
    first, until = (
        datetime.combine(date(of, 3 * quarter - 2, 1), time(), time_zone) for of, quarter in ((year, number), following)
    )
    return first, until


def _show(quarter: str, found: "AiUseReport") -> None:
    from rich.table import Table

    table = Table(
        "decided by", "approved", "partly", "sent to review", "rejected or denied", title=quarter, title_justify="left"
    )
    for one in found.automatic:
        counts = (one.approved, one.partially_approved, one.sent_to_review, one.rejected)
        table.add_row(one.basis, *(f"{count:,}" for count in counts))
    for person in found.persons:
        approved, partly, denied = (
            f"{count:,}" for count in (person.approved, person.partially_approved, person.denied)
        )
        table.add_row(f"person: {person.role}", approved, partly, "–", denied)
    terminal().print(table)
    overturns = found.overturns
    click.echo(
        f"Flags of the model released by a person: {overturns.model_flags_released:,} of "
        f"{overturns.model_flags_decided:,}; of the 2× rule: {overturns.rule_flags_released:,} of "
        f"{overturns.rule_flags_decided:,}. Decisions of persons changed later: {overturns.decisions_changed:,}."
    )
    for result in found.appeals:
        click.echo(
            f"Appeals against decisions by {result.basis}: {result.upheld:,} upheld, {result.overturned:,} overturned, "
            f"{result.partly_overturned:,} partly."
        )
    listed = ", ".join(f"{code} {count:,}" for code, count in found.contract_denials.items()) or "none"
    click.echo(f"Rejected at receipt, by contract finding: {listed}.")
    click.echo(f"Adverse decisions without a person and off the contract: {found.adverse_without_person:,}.")
