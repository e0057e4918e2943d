"""Measure the offline join: our store through Feast, Feast's DuckDB store, and a bare ASOF join as the floor.

All use the same claims and Parquet files in one run. Our store is also measured alone on many more rows.
"""

import json
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Generic, TypeVar, TypeVarTuple, Unpack

import pyarrow as pa

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")

ReportProgress = Callable[[str], None]
VIEWS = ("member_history", "member_today", "provider_history", "provider_today")
"""History and today of member and provider. Feast's store joins every claim with all earlier rows of its key:
13 GB at 300,000 claims."""
_COLUMNS = ["claim_id", "member_id", "provider_id", "procedure_code", "received_at"]
UNUSED_REDIS = "redis://127.0.0.1:1/0"
PEER_SECONDS = 240.0
"""Time limit of one run of Feast's DuckDB store."""
PEER_TOTAL_SECONDS = 400.0
"""Total time after which no further run of it starts."""


@dataclass(frozen=True, slots=True)
class JoinFigures:
    """`ginja bench features --json`."""

    rows: int
    views: tuple[str, ...]
    rows_returned: int
    ours_s: float
    feast_duckdb_s: float | None
    """`None`: not run, or not finished within the limit."""
    feast_duckdb_given_up_s: float | None
    """Time limit at which it was stopped, if it was."""
    asof_floor_s: float
    times_faster: float | None
    """Ratio to Feast's time; a lower bound if it was stopped."""
    times_floor: float
    us_per_row: float
    runs: int
    feast_duckdb_runs: int
    feast_duckdb_rows: int | None
    peak_mb: int
    """Peak resident memory of the process that ran our store alone."""

    def as_json(self) -> str:
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class TrainingSetFigures:
    """`ginja bench training-set --json`."""

    rows: int
    features: int
    build_s: float
    read_s: float
    total_s: float
    rows_per_s: int
    peak_mb: int

    def as_json(self) -> str:
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class Finished(Generic[T]):
    """What a separate process returned."""

    answer: T


def simulated_home(folder: Path, rows: int, report: ReportProgress) -> Path:
    """A home with simulated claims and labels."""
    from datetime import UTC, datetime

    from pipelines.simulate import SimulationConfig, simulate, write

    report(f"simulating {rows:,} claims")
    config = SimulationConfig(claims=rows, seed=1, end=datetime(2026, 1, 1, tzinfo=UTC).date())
    write(simulate(config), folder / "data")
    return folder


def measure_join(
    rows: int, *, runs: int, peer_runs: int, report: ReportProgress, views: tuple[str, ...] = VIEWS
) -> JoinFigures:
    """Join `rows` claims with `views`: medians of `runs` for our store and the floor, of `peer_runs` for Feast's."""
    with tempfile.TemporaryDirectory(prefix="ginja-bench-") as folder:
        home = simulated_home(Path(folder), rows, report)
        report("building the offline features")
        _run_in_process(_build, home)
        report(f"ours, {runs} runs")
        times, returned, peak = _run_in_process(_ours, home, views, runs)
        report(f"the bare ASOF join, {runs} runs")
        floor = statistics.median(_run_in_process(_floor, home, views, runs))
        peer: list[float] = []
        peer_rows: int | None = None
        given_up: float | None = None
        for number in range(peer_runs):
            if sum(peer) > PEER_TOTAL_SECONDS:
                break
            report(f"Feast's DuckDB store, run {number + 1} of {peer_runs}")
            finished = _run_within(PEER_SECONDS, _feast_duckdb, home, views)
            if finished is None:
                given_up = PEER_SECONDS
                break
            seconds, peer_rows = finished.answer
            peer.append(seconds)
    ours = statistics.median(times)
    theirs = statistics.median(peer) if peer else None
    at_least = theirs or given_up
    return JoinFigures(
        rows=rows,
        views=views,
        rows_returned=returned,
        ours_s=round(ours, 3),
        feast_duckdb_s=None if theirs is None else round(theirs, 1),
        feast_duckdb_given_up_s=given_up,
        asof_floor_s=round(floor, 3),
        times_faster=None if at_least is None else round(at_least / ours, 1),
        times_floor=round(ours / floor, 2),
        us_per_row=round(ours / rows * 1e6, 2),
        runs=runs,
        feast_duckdb_runs=len(peer),
        feast_duckdb_rows=peer_rows,
        peak_mb=peak,
    )


def measure_training_set(rows: int, report: ReportProgress) -> TrainingSetFigures:
    """Measure building every view and reading every vector, from Parquet to the whole matrix."""
    with tempfile.TemporaryDirectory(prefix="ginja-bench-") as folder:
        home = simulated_home(Path(folder), rows, report)
        report("building the offline features and the training set")
        build_s, read_s, shape, peak = _run_in_process(_training_set, home)
    total = build_s + read_s
    return TrainingSetFigures(
        rows=shape[0],
        features=shape[1],
        build_s=round(build_s, 2),
        read_s=round(read_s, 2),
        total_s=round(total, 2),
        rows_per_s=round(rows / total),
        peak_mb=peak,
    )


def _run_in_process(work: Callable[[Unpack[Arguments]], T], *arguments: *Arguments) -> T:
    """Run `work` in a separate process, so that its memory can be measured."""
    done = _run_within(None, work, *arguments)
    assert done is not None
    return done.answer


def _run_within(
    seconds: float | None, work: Callable[[Unpack[Arguments]], T], *arguments: *Arguments
) -> Finished[T] | None:
    """Run `work` in a separate process; `None` if it exceeds `seconds`."""
    context = multiprocessing.get_context("spawn")
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(sending, work, arguments))
    process.start()
    sending.close()
    try:
        if seconds is not None and not receiving.poll(seconds):
            return None
        return Finished(receiving.recv())
    except EOFError as error:
        raise RuntimeError(f"{work.__name__} failed, see above") from error
    finally:
        process.kill()
        process.join()


def _send(sending: Connection, work: Callable[[Unpack[Arguments]], object], arguments: tuple[*Arguments]) -> None:
    sending.send(work(*arguments))


def _build(home: Path) -> None:
    from features.feast import apply
    from features.offline import build

    build(home, home / "data" / "claims.parquet", home / "data" / "labels.parquet")
    apply(home, UNUSED_REDIS)


def _entity_rows(home: Path) -> pa.Table:
    import pyarrow.parquet as pq

    claims = pq.read_table(home / "data" / "claims.parquet", columns=_COLUMNS)
    return claims.rename_columns([*_COLUMNS[:-1], "event_timestamp"])


def _refs(views: tuple[str, ...]) -> list[str]:
    from features.declare import VIEW

    return [f"{name}:{field.name}" for name in views for field in VIEW[name].fields]


def _ours(home: Path, views: tuple[str, ...], runs: int) -> tuple[list[float], int, int]:
    from features.feast import open_store

    store, frame, times, returned = open_store(home), _entity_rows(home), [], 0
    if len(frame) <= 1_000_000:
        _timed(
            lambda: store.get_historical_features(
                frame.slice(0, 1000), _refs(views), full_feature_names=True
            ).to_arrow()
        )
    for _ in range(runs):
        job = store.get_historical_features(frame, _refs(views), full_feature_names=True)
        seconds, answer = _timed(job.to_arrow)
        times.append(seconds)
        returned = len(answer)
        if answer["claim_id"] != frame["claim_id"]:
            raise RuntimeError("the rows were returned in another order")
        del answer
    return times, returned, _peak_mb()


def _floor(home: Path, views: tuple[str, ...], runs: int) -> list[float]:
    import duckdb

    from features.declare import VIEW
    from features.offline import file_of

    frame = _entity_rows(home)
    fields, joins = [], []
    for place, view in enumerate(VIEW[name] for name in views):
        on = " AND ".join(f"e.{key} = v{place}.{key}" for key in view.keys)
        fields += [f"v{place}.{field.name} AS {view.column(field)}" for field in view.fields]
        joins.append(
            f"ASOF LEFT JOIN '{file_of(home, view)}' v{place} ON {on} AND e.event_timestamp > v{place}.event_timestamp"
        )
    sql = f"SELECT e.*, {', '.join(fields)} FROM entity_rows e {' '.join(joins)}"
    times = []
    for _ in range(runs):
        with duckdb.connect(config={"temp_directory": str(home / "spill")}) as connection:
            connection.register("entity_rows", frame)
            times.append(_timed(lambda: connection.sql(sql).to_arrow_table())[0])
    return times


def _feast_duckdb(home: Path, views: tuple[str, ...]) -> tuple[float, int]:
    from feast import FeatureStore, RepoConfig

    from features.feast import feast_objects

    config = RepoConfig(
        project="ginja",
        provider="local",
        registry=str(home / "feast-duckdb.db"),
        offline_store={"type": "duckdb"},
        online_store={"type": "sqlite", "path": str(home / "online.db")},
        entity_key_serialization_version=3,
    )
    store = FeatureStore(config=config)
    store.apply(feast_objects(home))
    frame = _entity_rows(home).to_pandas()
    seconds, answer = _timed(
        lambda: store.get_historical_features(frame, _refs(views), full_feature_names=True).to_arrow()
    )
    return seconds, len(answer)


def _training_set(home: Path) -> tuple[float, float, tuple[int, ...], int]:
    from features.feast import training_set

    claims, labels = home / "data" / "claims.parquet", home / "data" / "labels.parquet"
    build_s, _ = _timed(lambda: _build(home))
    read_s, built = _timed(lambda: training_set(home, claims, labels))
    return build_s, read_s, built.x.shape, _peak_mb()


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    began = time.perf_counter()
    answer = work()
    return time.perf_counter() - began, answer


def _peak_mb() -> int:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
