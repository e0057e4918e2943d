"""`ginja data ingest plans`: plans and their cost sharing into the database."""

from pathlib import Path

import click

from cli.command import command
from cli.data.csv_rows import read_csv
from cli.database import existing_database_url, with_database
from cli.options import INPUT_FILE
from cli.output import print_json
from cli.progress import task
from core.format import counted


@command("plans", examples=["ginja data ingest plans plans.csv --dry-run", "ginja data ingest plans plans.csv --json"])
@click.argument("file", type=INPUT_FILE)
@click.option("--dry-run", is_flag=True, help="Check the file; store nothing.")
def plans(file: Path, dry_run: bool, as_json: bool) -> None:
    """Load the plans of a CSV file and what their members pay: deductible, co-payment, co-insurance and maximum.

    Each row has the terms of a plan from its first_day on; see the guide "Cost sharing and fees" for the columns. The
    file is taken whole or refused. Decided claims keep the terms that they were decided by.
    """
    from api.members import store_plans
    from formats.plans_csv import read_plan_rows

    rows = read_csv(file, read_plan_rows)
    existing_database_url()
    if not dry_run:
        with task(f"Loading plans from {file.name}"):
            with_database(lambda database: store_plans(database, rows))
    if as_json:
        print_json({"plans": len({one.terms.plan_id for one in rows}), "terms": len(rows), "stored": not dry_run})
        return
    click.echo(
        f"{file.name}: {counted(len(rows), 'term')} of {counted(len({one.terms.plan_id for one in rows}), 'plan')}"
    )
    click.echo("Nothing was stored (--dry-run)." if dry_run else "Claims are decided by them from now on.")
