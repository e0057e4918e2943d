"""`ginja data check`: whether a model may learn from this data set."""

import json
import sys
from pathlib import Path

import click

from cli.command import command
from cli.options import INPUT_FOLDER, OUTPUT_FILE
from cli.output import print_json
from cli.progress import task
from cli.residency import check_region
from core.format import counted


@command(examples=["ginja data check", "ginja data check .ginja/datasets/acme --json"])
@click.argument("folder", required=False, type=INPUT_FOLDER)
@click.option("--report", type=OUTPUT_FILE, help="HTML page; default: reports/claims-gate.html under the home.")
def check(folder: Path | None, report: Path | None, as_json: bool) -> None:
    """Check the claims in FOLDER (default: data under the home) as training does; exits 3 if it would refuse them."""
    from core.settings import settings

    check_region(report)
    source = folder or settings().home / "data"
    if not (source / "claims.parquet").exists():
        raise click.UsageError(
            f"{source} has no claims.parquet; run `ginja data simulate` or `ginja data ingest` first."
        )
    import pyarrow.parquet as pq

    from pipelines.gates import GateFailed, check_claims
    from pipelines.store import DATASET

    labels, about = source / "labels.parquet", source / DATASET
    missing = json.loads(about.read_text()).get("missing_columns", []) if about.exists() else []
    with task("Checking claims"):
        try:
            result = check_claims(
                pq.read_table(source / "claims.parquet"),
                pq.read_table(labels) if labels.exists() else None,
                report or settings().home / "reports" / "claims-gate.html",
                missing=missing,
            )
        except GateFailed as error:
            result, message = error.result, str(error)
        else:
            passed = counted(result.rows, "row")
            message = f"The {result.gate} gate passed {passed}; checks that hold: all {len(result.passed)}."
    if as_json:
        print_json(result.as_json())
    else:
        click.echo(message, err=not result.success)
        for finding in result.findings:
            if finding.severity == "warning":
                click.echo(f"Warning: {finding.sentence()}", err=True)
        click.echo(f"Report: {result.report}")
    if not result.success:
        sys.exit(GateFailed.exit_code)
