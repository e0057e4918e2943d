"""`ginja bench`: the figures of docs/benchmarks.md, measured anew; JSON on standard output, progress beside it."""

import click

_as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")


@click.group()
def bench() -> None:
    """Measure; run from the repository, whose `benchmarks` folder is not part of the package."""


@bench.command()
@_as_json
def score(as_json: bool) -> None:
    """Scoring: explained latency and throughput beside a naive service and the floor, batches, the claims API."""
    from rich.console import Console
    from rich.table import Table

    from core import telemetry

    telemetry.turn_off()
    from benchmarks.score import measure, table

    console = Console(stderr=True)
    with console.status("starting") as status:
        figures = measure(status.update)
    if as_json:
        click.echo(figures.as_json())
        return
    shown = Table("", "measured", "promised")
    for row in table(figures):
        shown.add_row(*row)
    Console().print(shown)


@bench.command()
@_as_json
@click.option("--fault", "names", multiple=True, help="Only this fault (part of its name); may be repeated.")
@click.option("--seconds", default=6.0, show_default=True, help="How long each fault lasts.")
@click.option("--rate", default=50.0, show_default=True, help="Claims a second.")
def chaos(as_json: bool, names: tuple[str, ...], seconds: float, rate: float) -> None:
    """Faults between API, scorer and Valkey under a stream of claims; exits 1 when a promise is broken."""
    import json
    import sys

    from rich.console import Console

    from core import telemetry

    telemetry.turn_off()
    from benchmarks.chaos import broken, run, table

    console = Console(stderr=True)
    with console.status("starting") as status:
        outcomes = run(status.update, only=names, seconds=seconds, rate=rate)
    promises = broken(outcomes)
    if as_json:
        click.echo(json.dumps({"faults": [outcome.as_dict() for outcome in outcomes], "broken": promises}))
    else:
        wide = Console()
        wide.print(table(outcomes), width=wide.width if wide.is_terminal else 150)
        for promise in promises:
            console.print(f"[red]broken[/]: {promise}")
    sys.exit(1 if promises else 0)


@bench.command()
@_as_json
@click.option("--claims", default=20_000, show_default=True, help="Claims of each simulated insurer.")
@click.option(
    "--judged", default=400, show_default=True, help="Honest claims of each newest window that are perturbed."
)
def behaviour(as_json: bool, claims: int, judged: int) -> None:
    """Implausible claims: paid unseen by model and edits, and by the 2× rule alone, on three simulated insurers.

    On the public provider-fraud set too, where GINJA_DATA_DIR holds it. Reports the statistics of the reasons as well.
    """
    from rich.console import Console
    from rich.table import Table

    from core import telemetry
    from core.settings import settings

    telemetry.turn_off()
    from benchmarks.behaviour import as_json as to_json
    from benchmarks.behaviour import measure, table

    with Console(stderr=True).status("starting") as status:
        found = measure(status.update, data_dir=settings().data_dir, claims=claims, judged=judged)
    if as_json:
        click.echo(to_json(found))
        return
    shown = Table(
        "insurer", "case", "claims", "paid unseen", "by the rule alone", "dollars unseen", "by the rule alone"
    )
    for row in table(found):
        shown.add_row(*row)
    Console().print(shown)
    for name, value in found["reasons"].items():
        click.echo(f"reasons: {name} {value}")


@bench.command()
@_as_json
@click.option("--rows", default=300_000, show_default=True, help="Claims; from 1,000,000 on ours and the floor alone.")
@click.option("--runs", default=5, show_default=True, help="Runs of ours and of the floor; the median counts.")
@click.option(
    "--peer-runs", type=int, help="Runs of Feast's DuckDB store; default: as many, and none from 1,000,000 rows on."
)
@click.option("--views", help="Views to join, with commas between; default: history and today of member and provider.")
def features(as_json: bool, rows: int, runs: int, peer_runs: int | None, views: str | None) -> None:
    """The offline join: ours through Feast, Feast's DuckDB store, and the bare ASOF join, on the same files."""
    from rich.console import Console

    from core import telemetry

    telemetry.turn_off()
    from benchmarks.features import VIEWS, measure_join

    if peer_runs is None:
        peer_runs = runs if rows < 1_000_000 else 0
    with Console(stderr=True).status("starting") as status:
        named = VIEWS if views is None else tuple(views.split(","))
        figures = measure_join(rows, runs=runs, peer_runs=peer_runs, say=status.update, views=named)
    _print(figures.as_json(), as_json=as_json)


@bench.command("training-set")
@_as_json
@click.option("--rows", default=1_000_000, show_default=True, help="Claims.")
def training_set(as_json: bool, rows: int) -> None:
    """From claims and labels in Parquet to the whole training matrix: seconds, rows a second, peak memory."""
    from rich.console import Console

    from core import telemetry

    telemetry.turn_off()
    from benchmarks.features import measure_training_set

    with Console(stderr=True).status("starting") as status:
        figures = measure_training_set(rows, status.update)
    _print(figures.as_json(), as_json=as_json)


def _print(line: str, *, as_json: bool) -> None:
    import json

    if as_json:
        click.echo(line)
        return
    for name, value in json.loads(line).items():
        click.echo(f"{name:>20}  {value}")
