"""`ginja gate`: may this data set be learned from?"""

import json
import sys
from pathlib import Path

import click


@click.command()
@click.argument("folder", required=False, type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--report", type=click.Path(path_type=Path), help="HTML page; default: reports/claims-gate.html at home.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as one JSON object.")
def gate(folder: Path | None, report: Path | None, as_json: bool) -> None:
    """Check the claims in FOLDER (default: data under GINJA_HOME) as training would; exits 3 where it refuses them."""
    import pyarrow.parquet as pq
    from rich.console import Console

    from core.settings import settings
    from pipelines.gates import GateFailed, check_claims
    from pipelines.store import DATASET

    source = folder or settings().home / "data"
    if not (source / "claims.parquet").exists():
        raise click.UsageError(f"{source} has no claims.parquet; run ginja simulate or ginja ingest first")
    labels, about = source / "labels.parquet", source / DATASET
    missing = json.loads(about.read_text()).get("missing_columns", []) if about.exists() else []
    with Console(stderr=True).status("Checking claims"):
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
            message = f"the {result.gate} gate lets {result.rows:,} rows pass: {len(result.passed)} checks hold"
    if as_json:
        click.echo(json.dumps(result.as_json()))
    else:
        click.echo(message, err=not result.success)
        for finding in result.findings:
            if finding.severity == "warning":
                click.echo(f"warning: {finding.sentence()}", err=True)
        click.echo(f"report: {result.report}")
    if not result.success:
        sys.exit(GateFailed.exit_code)
