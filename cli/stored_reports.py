"""`ginja report list` and `ginja report save`: reports that were made by the schedule."""

from pathlib import Path

import click

from cli.command import command
from cli.database import existing_database_url, with_database
from cli.options import OUTPUT_FILE
from cli.output import print_json, terminal
from cli.residency import check_region


@command("list", examples=["ginja report list", "ginja report list --kind provider_scorecard --json"])
@click.option("--kind", type=click.Choice(("daily_decisions", "provider_scorecard")), help="Only those of this kind.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000), help="Most of them.")
def list_(kind: str | None, limit: int, as_json: bool) -> None:
    """List the reports that the schedule made, the newest first."""
    from dataclasses import asdict

    from api.database import Database
    from api.reports import ReportKind, StoredReport, stored_reports

    async def read(database: Database) -> list[StoredReport]:
        async with database.reading() as connection:
            return await stored_reports(connection, kind=None if kind is None else ReportKind(kind), limit=limit)

    existing_database_url()
    found = with_database(read)
    if as_json:
        print_json({"reports": [asdict(one) for one in found]})
        return
    from rich.table import Table

    table = Table("report", "title", "from", "to", "made")
    for one in found:
        made = f"{one.made_at:%Y-%m-%d %H:%M}"
        table.add_row(one.report_id, one.title, str(one.first_day), str(one.last_day), made)
    terminal().print(table)


@command(examples=["ginja report save rep_01m86p3ap6yntdyk7shqjq4hs9 --format csv --output decisions.csv"])
@click.argument("report_id", metavar="REPORT")
@click.option(
    "--format", "form", type=click.Choice(("pdf", "csv")), default="pdf", show_default=True, help="Of the file."
)
@click.option("--output", type=OUTPUT_FILE, help="File to write; default: the report's own name, in this folder.")
def save(report_id: str, form: str, output: Path | None, as_json: bool) -> None:
    """Write the file of a report that the schedule made."""
    from api.database import Database
    from api.reports import ReportFile, ReportFormat, report_files

    async def read(database: Database) -> list[ReportFile]:
        async with database.reading() as connection:
            return await report_files(connection, [report_id], [ReportFormat(form)])

    check_region(output or Path("report"))
    existing_database_url()
    found = with_database(read)
    if not found:
        raise click.UsageError(f"There is no report {report_id}; `ginja report list` shows all of them.")
    path = output or Path(found[0].name)
    try:
        path.write_bytes(found[0].content)
    except OSError as error:
        raise click.UsageError(f"{path} cannot be written: {error.strerror}.") from None
    if as_json:
        print_json({"report_id": report_id, "file": path, "bytes": len(found[0].content)})
        return
    click.echo(f"{path}: {len(found[0].content):,} bytes")
