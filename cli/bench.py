"""`ginja bench`: the figures of docs/benchmarks.md; results go to standard output, progress to the error stream."""

import json
import sys
from dataclasses import asdict

import click

from cli.bench_end import end
from cli.command import ProcessCommand, command
from cli.output import json_text, print_values, terminal
from cli.progress import print_failure, task


@command(examples=["ginja bench score", "ginja bench score --json"], kind=ProcessCommand)
def score(as_json: bool) -> None:
    """Measure scoring: latency and throughput with reasons beside a naive service, batches, the claims API."""
    from core import telemetry

    telemetry.turn_off()
    from benchmarks.score import measure, table

    with task("Measuring scoring") as progress:
        figures = measure(progress.step)
    if as_json:
        click.echo(figures.as_json())
        return
    from rich.table import Table

    shown = Table("", "measured", "target")
    for row in table(figures):
        shown.add_row(*row)
    terminal().print(shown)


@command(examples=["ginja bench chaos --json", "ginja bench chaos --only postgres --seconds 10"], kind=ProcessCommand)
@click.option("--only", "names", multiple=True, help="Only faults with this in their name; can be repeated.")
@click.option(
    "--seconds",
    default=6.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    help="How long each fault lasts.",
)
@click.option(
    "--rate", default=50.0, show_default=True, type=click.FloatRange(0, min_open=True), help="Claims per second."
)
def chaos(names: tuple[str, ...], seconds: float, rate: float, as_json: bool) -> None:
    """Cause faults of every part under a stream of claims; exits 1 if a guarantee is broken.

    Full disks need root, steps of the clock need libfaketime; without them these faults are reported as skipped.
    """
    from core import telemetry

    telemetry.turn_off()
    from benchmarks.chaos import missed_targets, run, table

    with task("Causing faults") as progress:
        results = run(progress.step, only=names, seconds=seconds, rate=rate)
    missed = missed_targets(results.faults)
    end(json_text({**asdict(results), "broken": missed}), table(results), missed, as_json=as_json, kind="broken")


@command(examples=["ginja bench crash --json", "ginja bench crash --only submit --only void"], kind=ProcessCommand)
@click.option("--only", "names", multiple=True, help="Only operations with this in their name; can be repeated.")
@click.option(
    "--side", type=click.Choice(["before", "after"]), help="Crash only on this side of each boundary; default: on both."
)
@click.option("--record", is_flag=True, help="Record the boundaries in benchmarks/crash/points.json.")
def crash(names: tuple[str, ...], side: str | None, record: bool, as_json: bool) -> None:
    """Kill a process at every boundary with a server or file, recover, and check that nothing is lost or doubled.

    Exits 1 if something does not hold, or if an operation has boundaries that were not recorded with --record.
    """
    from core import telemetry

    telemetry.turn_off()
    from benchmarks.crash import Side, changed_operations, explore, record_boundaries

    sides = tuple(Side) if side is None else (Side(side),)
    with task("Exploring crash points") as progress:
        try:
            found = explore(progress.detail, only=names, sides=sides)
        except ValueError as error:
            raise click.UsageError(str(error)) from None
    if record:
        record_boundaries(found.boundaries)
    changed = changed_operations(found.boundaries)
    if as_json:
        click.echo(found.as_json())
    else:
        from rich.table import Table

        shown = Table("operation", "boundaries", "crashes", "not reached", "violations")
        for one in found.operations:
            counts = (len(one.boundaries), one.runs, one.not_reached, len(one.violations))
            shown.add_row(one.operation, *map(str, counts))
        terminal().print(shown)
        for violation in found.violations:
            place = f"{violation.operation}, {violation.side} {violation.boundary}"
            print_failure("broken", f"{place}: {'; '.join(violation.broken)}")
    for name in changed:
        print_failure("new boundaries", f"{name}; explore all and record them with --record")
    sys.exit(1 if found.violations or changed else 0)


@command(examples=["ginja bench soak --json", "ginja bench soak --minutes 10 --rate 20"], kind=ProcessCommand)
@click.option(
    "--minutes", default=30.0, show_default=True, type=click.FloatRange(1), help="How long claims are submitted."
)
@click.option(
    "--rate", default=50.0, show_default=True, type=click.FloatRange(0, min_open=True), help="Claims per second."
)
def soak(minutes: float, rate: float, as_json: bool) -> None:
    """Submit claims for a long time with rotating faults, and measure what grows; exits 1 if anything does.

    Memory, file descriptors and threads of every process, temporary files, and the response times at begin and end.
    """
    from core import telemetry

    telemetry.turn_off()
    from benchmarks.soak import run, table

    with task("Soaking") as progress:
        result = run(progress.detail, minutes=minutes, rate=rate)
    broken = result.broken()
    end(json_text({**asdict(result), "broken": broken}), table(result), broken, as_json=as_json, kind="broken")


@command(
    examples=["ginja bench overload --json", "ginja bench overload --seconds 60 --back-books 4"], kind=ProcessCommand
)
@click.option(
    "--seconds",
    default=300.0,
    show_default=True,
    type=click.FloatRange(0),
    help="How long the overload lasts; 0: none.",
)
@click.option(
    "--back-books",
    "at_once",
    default=(4, 12),
    show_default=True,
    multiple=True,
    type=click.IntRange(1, 100),
    help="Back-books at once beside live claims; can be repeated.",
)
@click.option(
    "--rate", default=20.0, show_default=True, type=click.FloatRange(0, min_open=True), help="Live claims per second."
)
def overload(seconds: float, at_once: tuple[int, ...], rate: float, as_json: bool) -> None:
    """Score back-books beside live claims, then submit three times what the platform can decide.

    Exits 1 if a target is missed.
    """
    from core import telemetry

    telemetry.turn_off()
    from benchmarks.overload import run, table

    with task("Overloading the platform") as progress:
        report = run(progress.step, seconds=seconds, at_once=at_once, rate=rate)
    end(report.as_json(), table(report), report.broken, as_json=as_json, kind="broken")


@command(examples=["ginja bench behaviour --json"], kind=ProcessCommand)
@click.option(
    "--claims",
    default=20_000,
    show_default=True,
    type=click.IntRange(1),
    help="Claims of each simulated insurer.",
)
@click.option(
    "--sample",
    default=400,
    show_default=True,
    type=click.IntRange(1),
    help="Honest claims of each newest window that are perturbed.",
)
def behaviour(claims: int, sample: int, as_json: bool) -> None:
    """Measure which implausible claims are paid without review, beside the 2× rule alone, on three simulated insurers.

    Also on the public provider-fraud set, if it is in GINJA_DATA_DIR. Reports the statistics of the reasons as well.
    """
    from core import telemetry
    from core.settings import settings

    telemetry.turn_off()
    from benchmarks.behaviour import as_json as to_json
    from benchmarks.behaviour import measure, table

    with task("Measuring behaviour") as progress:
        found = measure(progress.step, data_dir=settings().data_dir, claims=claims, evaluated=sample)
    if as_json:
        click.echo(to_json(found))
        return
    from rich.table import Table

    shown = Table(
        "insurer", "case", "claims", "paid without review", "by the rule alone", "dollars", "by the rule alone"
    )
    for row in table(found):
        shown.add_row(*row)
    terminal().print(shown)
    for name, value in asdict(found.reasons).items():
        click.echo(f"reasons: {name} {value}")


@command(examples=["ginja bench features --json", "ginja bench features --rows 5000000 --runs 3"], kind=ProcessCommand)
@click.option(
    "--rows",
    default=300_000,
    show_default=True,
    type=click.IntRange(1),
    help="Claims; from 1,000,000 on, Feast's own store is left out.",
)
@click.option(
    "--runs",
    default=5,
    show_default=True,
    type=click.IntRange(1),
    help="Runs of our store and of the bare join; the median counts.",
)
@click.option(
    "--peer-runs",
    type=click.IntRange(0),
    help="Runs of Feast's DuckDB store; default: as many as --runs, and none from 1,000,000 rows on.",
)
@click.option("--views", help="Views to join, comma-separated; default: history and today of member and provider.")
def features(rows: int, runs: int, peer_runs: int | None, views: str | None, as_json: bool) -> None:
    """Measure the offline join: our store through Feast, Feast's DuckDB store, and the bare ASOF join."""
    from core import telemetry

    telemetry.turn_off()
    from benchmarks.features import VIEWS, measure_join

    if peer_runs is None:
        peer_runs = runs if rows < 1_000_000 else 0
    with task("Measuring the offline join") as progress:
        named = VIEWS if views is None else tuple(views.split(","))
        figures = measure_join(rows, runs=runs, peer_runs=peer_runs, report=progress.step, views=named)
    print_values(json.loads(figures.as_json()), as_json=as_json)


@command("training-set", examples=["ginja bench training-set --rows 1000000 --json"], kind=ProcessCommand)
@click.option("--rows", default=1_000_000, show_default=True, type=click.IntRange(1), help="Claims.")
def training_set(rows: int, as_json: bool) -> None:
    """Measure the whole training matrix from claims and labels in Parquet: seconds, rows per second, peak memory."""
    from core import telemetry

    telemetry.turn_off()
    from benchmarks.features import measure_training_set

    with task("Building the training set") as progress:
        figures = measure_training_set(rows, progress.step)
    print_values(json.loads(figures.as_json()), as_json=as_json)


@command(examples=["ginja bench api --json", "ginja bench api --claims 10000 --seconds 15"], kind=ProcessCommand)
@click.option(
    "--claims",
    "sizes",
    default=(10_000, 1_000_000),
    show_default=True,
    multiple=True,
    type=click.IntRange(1_000),
    help="Claims in the tables; can be repeated. A million need some 10 minutes and 6 GB to set up.",
)
@click.option(
    "--seconds", default=60.0, show_default=True, type=click.FloatRange(5), help="How long claims are submitted."
)
@click.option(
    "--rate", default=50.0, show_default=True, type=click.FloatRange(0, min_open=True), help="Claims per second."
)
def api(sizes: tuple[int, ...], seconds: float, rate: float, as_json: bool) -> None:
    """Measure claims and reads with few and with many claims in the tables, and the highest rate that holds.

    Exits 1 if a target is missed.
    """
    from core import telemetry

    telemetry.turn_off()
    from benchmarks.claims_api import run, table

    with task("Measuring the claims API") as progress:
        report = run(progress.step, sizes=sizes, seconds=seconds, rate=rate)
    end(report.as_json(), table(report), report.missed, as_json=as_json, kind="missed")


@command(examples=["ginja bench rescreen --json", "ginja bench rescreen --claims 10000"], kind=ProcessCommand)
@click.option("--claims", default=1_000_000, show_default=True, type=click.IntRange(1_000), help="Claims in the table.")
def rescreen(claims: int, as_json: bool) -> None:
    """Measure re-screening: from the load of a list, fee or eligibility change to its last finding.

    Exits 1 if a change takes more than 60 s or opens no finding.
    """
    from core import telemetry

    telemetry.turn_off()
    from benchmarks.rescreening import run, table

    with task("Measuring re-screening") as progress:
        figures = run(progress.step, claims=claims)
    end(figures.as_json(), table(figures), figures.missed, as_json=as_json, kind="missed")


@command(
    examples=["ginja bench retries --json", "ginja bench retries --keys 50 --requests 1000 --kills 2"],
    kind=ProcessCommand,
)
@click.option("--keys", default=500, show_default=True, type=click.IntRange(1, 5_000), help="Idempotency keys.")
@click.option("--requests", default=10_000, show_default=True, type=click.IntRange(1), help="Requests under them.")
@click.option("--kills", default=5, show_default=True, type=click.IntRange(0), help="How often the API is killed.")
def retries(keys: int, requests: int, kills: int, as_json: bool) -> None:
    """Submit claims many times under few idempotency keys while the API is killed, with Valkey and without.

    Exits 1 unless every key has one claim, and the same reply to each of its requests.
    """
    from core import telemetry

    telemetry.turn_off()
    if requests < keys:
        raise click.UsageError(f"--requests must be at least --keys ({keys}), so that each key is used")
    if requests <= kills:
        raise click.UsageError(f"--requests must be above --kills ({kills}), so that requests end before each kill")
    from benchmarks.retries import as_json as to_json
    from benchmarks.retries import run, table

    with task("Sending claims again") as progress:
        found = run(progress.step, keys=keys, requests=requests, kills=kills)
    broken = [text for one in found for text in one.broken]
    end(to_json(found), table(found), broken, as_json=as_json, kind="broken")
