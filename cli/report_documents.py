"""`ginja report daily-decisions` and `ginja report provider-scorecard`: as text, CSV, PDF or JSON."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cli.command import command
from cli.database import existing_database_url, with_database
from cli.options import DAY, OUTPUT_FILE
from cli.output import print_json, terminal
from cli.residency import check_region

if TYPE_CHECKING:
    from api.database import Database
    from api.reports import DailyDecisions, ProviderScorecard, ReportDocument

F = TypeVar("F", bound=Callable[..., Any])
R = TypeVar("R", "DailyDecisions", "ProviderScorecard")


def _form_options(function: F) -> F:
    form = click.option(
        "--format",
        "form",
        type=click.Choice(["text", "csv", "pdf"]),
        default="text",
        show_default=True,
        help="Form of the report; a PDF needs --output.",
    )
    output = click.option("--output", type=OUTPUT_FILE, help="Write the report to this file instead of printing it.")
    return form(output(function))


@command(
    examples=[
        "ginja report daily-decisions",
        "ginja report daily-decisions --day 2026-11-26 --format pdf --output decisions.pdf",
    ]
)
@click.option("--day", type=DAY, help="Day of the insurer's time zone, YYYY-MM-DD; default: yesterday.")
@_form_options
def daily_decisions(day: datetime | None, form: str, output: Path | None, as_json: bool) -> None:
    """Count what was received and decided on a day, by contract, model, rule and person, with amounts.

    Beside it stand the day before, the same day of the week before, and the claims that are in review now.
    """
    from api.reports import daily_decisions as report_of
    from api.reports import daily_document
    from claims.service_days import receipt_day
    from core import clock
    from core.settings import settings

    _check(form, output, as_json=as_json)
    own = settings()
    chosen = receipt_day(clock.now(), own.zone) - timedelta(days=1) if day is None else day.date()
    _give(lambda database: report_of(database, own, chosen), daily_document, form, output, as_json=as_json)


@command(
    examples=[
        "ginja report provider-scorecard --provider H456 --from 2026-10-01 --to 2026-10-31",
        "ginja report provider-scorecard --provider H456 --from 2026-10-01 --to 2026-10-31 --format csv --output h.csv",
    ]
)
@click.option("--provider", "provider_id", required=True, help="Id of the provider.")
@click.option("--from", "first_day", required=True, type=DAY, help="Claims received from this day on, YYYY-MM-DD.")
@click.option("--to", "last_day", required=True, type=DAY, help="Claims received up to this day; at most 366 days.")
@_form_options
def provider_scorecard(
    provider_id: str, first_day: datetime, last_day: datetime, form: str, output: Path | None, as_json: bool
) -> None:
    """Show a provider's claims, amounts, flags, findings and appeals beside those of its peers, and week by week.

    Peers are the providers of the same specialty with at least 10 claims in the period.
    """
    from api.reports import provider_scorecard as report_of
    from api.reports import scorecard_document
    from core.settings import settings

    _check(form, output, as_json=as_json)
    own, first, last = settings(), first_day.date(), last_day.date()
    _give(
        lambda database: report_of(database, own, provider_id, first, last),
        scorecard_document,
        form,
        output,
        as_json=as_json,
    )


def _check(form: str, output: Path | None, *, as_json: bool) -> None:
    if as_json and (form != "text" or output is not None):
        raise click.UsageError("--json prints the report as JSON; leave --format and --output out.")
    if form == "pdf" and output is None:
        raise click.UsageError("A PDF is written to a file; name it with --output.")
    check_region(output)
    existing_database_url()


def _give(
    make: "Callable[[Database], Awaitable[R]]",
    document_of: "Callable[[R], ReportDocument]",
    form: str,
    output: Path | None,
    *,
    as_json: bool,
) -> None:
    from api.errors import ApiError
    from api.reports import csv_report, pdf_report

    try:
        report = with_database(make)
    except ApiError as error:
        named = "".join(f" {one.field}: {one.message}." for one in error.errors)
        raise click.UsageError(f"{error.detail}.{named}") from None
    if as_json:
        print_json(asdict(report))
        return
    document = document_of(report)
    if form == "text":
        content = _text(document).encode()
    else:
        content = csv_report(document) if form == "csv" else pdf_report(document)
    if output is None:
        click.echo(content.decode(), nl=False)
        return
    try:
        output.write_bytes(content)
    except OSError as error:
        raise click.UsageError(f"{output} cannot be written: {error.strerror}.") from None
    click.echo(f"{output}: {len(content):,} bytes", err=True)


def _text(document: "ReportDocument") -> str:
    from rich.table import Table

    from api.reports import shown

    console = terminal()
    with console.capture() as captured:
        for line in (document.title, document.subtitle, *document.notes):
            console.print(line, highlight=False)
        for table in document.tables:
            console.print()
            if not table.rows:
                console.print(f"{table.title}: none", highlight=False)
                continue
            columns = Table(title=table.title, title_justify="left", caption=table.note, caption_justify="left")
            for place, name in enumerate(table.columns):
                columns.add_column(name, justify="right" if place else "left")
            for row in table.rows:
                columns.add_row(row.name, *map(shown, row.values))
            console.print(columns)
    return captured.get()
