"""Measure scoring over HTTP, a naive service, the in-process floor, the explainer, batches and the claims API."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypedDict, Unpack

import httpx
import numpy as np
from numpy.typing import NDArray

from benchmarks.bodies import facts, score_bodies
from benchmarks.burst import BurstFigures, measure_burst
from benchmarks.load import LoadSummary
from benchmarks.ownership import owner_pipe
from benchmarks.peers import PeerFigures, measure_peers, peer_lines
from benchmarks.platform import COMMAND, free_routes, own_ready, platform
from benchmarks.stage import ReportProgress, Stage, set_updater_heartbeat, staged, vectors_file
from core.embedded import free_port
from core.supervision import Processes, ReadyCheck
from features.online import OnlineReader, connect
from models.artefact import load_pointed, read_pointer
from models.explain import MAX_PEERS, contributions_against, interactions
from models.scorer import Scorer

ROWS_COMPARED = 10_000
SAME_MARGIN = 1e-4
FAILED_AT_MOST = 0.01
PEER_ROWS = 15_000
API_RATES = (100, 50, 25)
"""Claims per second at the API; a lower one where the machine refuses claims at the higher."""


@dataclass(frozen=True, slots=True)
class Durations:
    """Duration of each part; the defaults take less than three minutes in total."""

    requests: int = 3_000
    steady_seconds: float = 60.0
    flood_seconds: float = 4.0
    naive_requests: int = 150
    batches: int = 30
    api_seconds: float = 15.0


@dataclass(frozen=True, slots=True)
class Figures:
    """Output of `ginja bench score --json`."""

    explained_p50_ms: float
    explained_p99_ms: float
    explained_max_ms: float
    naive_p50_ms: float
    naive_p99_ms: float
    floor_p50_ms: float
    explain_us: float
    pred_contribs_us: float
    contrib_max_abs_diff: float
    interaction_ms: float
    against_peers_ms: float
    """The comparison of a claim with 2,000 others."""
    peers: list[PeerFigures]
    """Other libraries' exact contributions on the same rows; the last one is ours."""
    rps_ours: float
    rps_naive: float
    batch_per_s: float
    api_rate: float
    """Claims per second at which the API was measured: 100, or the first half of it that this machine serves."""
    api_p50_ms: float
    api_p99_ms: float
    burst_at_once_earlier: int
    """Claims of a burst of one provider, all submitted at once, that were received before its last scored one."""
    burst_at_once_counted: int
    """How many of them its score counts."""
    burst_in_turn_earlier: int
    """The same, each submitted after the response to the one before."""
    burst_in_turn_counted: int

    def as_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class HttpFigures:
    """A service over HTTP."""

    p50_ms: float
    p99_ms: float
    max_ms: float
    rps: float
    """Requests per second at maximum throughput."""


@dataclass(frozen=True, slots=True)
class InProcessFigures:
    """Scoring without HTTP, on one thread."""

    floor_p50_ms: float
    explain_us: float
    pred_contribs_us: float
    contrib_max_abs_diff: float
    interaction_ms: float
    against_peers_ms: float
    peers: list[PeerFigures]


@dataclass(frozen=True, slots=True)
class ApiFigures:
    """The claims API at a constant rate."""

    rate: float
    """Claims per second."""
    p50_ms: float
    p99_ms: float
    burst: BurstFigures


class TooBusy(RuntimeError):
    """Too many requests were refused for a measurement of latency."""


class LoadOptions(TypedDict, total=False):
    """Options of `python -m benchmarks.load`."""

    bodies: Path
    header: str
    count: int
    rate: int
    seconds: float
    warm: float
    lines: int
    """Connections of a flood."""
    once: bool
    """Send each body once."""


class Bench:
    """One run on one stage."""

    def __init__(self, stage: Stage, report: ReportProgress, lengths: Durations) -> None:
        self._stage = stage
        self._report = report
        self._lengths = lengths
        self._port = free_port()
        self._bodies = stage.home / "run" / "bodies.jsonl"
        self._bodies.parent.mkdir(parents=True, exist_ok=True)
        self._bodies.write_bytes(b"\n".join(score_bodies(2_000, stage.home)))
        set_updater_heartbeat(stage.redis_url)

    def load(self, mode: str, path: str, *, port: int | None = None, **options: Unpack[LoadOptions]) -> LoadSummary:
        """Run the load generator and return its summary. Refused requests count with the time of their refusal."""
        flags = [f"--{name}={value}" for name, value in ({"bodies": self._bodies} | options).items()]
        command = ["-m", "benchmarks.load", "--port", str(port or self._port), "--path", path, "--mode", mode]
        command += [flag.removesuffix("=True") for flag in flags]
        with owner_pipe() as owner:
            done = subprocess.run(
                [sys.executable, *command, *owner.options], stdout=subprocess.PIPE, check=True, pass_fds=[owner.fd]
            )
        summary = LoadSummary(**json.loads(done.stdout))
        if summary.failed > FAILED_AT_MOST * summary.count:
            raise TooBusy(f"{path} answered {summary.statuses}: the machine is too slow or too busy for this rate")
        return summary

    def explained(self, processes: Processes) -> HttpFigures:
        """Our scorer over HTTP: one client, a minute at 100/s, and maximum throughput."""
        lengths = self._lengths
        self._start_scorer(processes, workers=1)
        self._report("ours: one client")
        one = self.load("one", "/v1/score", count=lengths.requests)
        self._report(f"ours: {lengths.steady_seconds:.0f} s at 100/s")
        steady = self.load("steady", "/v1/score", rate=100, seconds=lengths.steady_seconds, warm=2)
        self._report("ours: maximum throughput")
        flood = self.load("flood", "/v1/score", seconds=lengths.flood_seconds)
        processes.stop("scorer")
        return HttpFigures(one.p50_ms, one.p99_ms, max(one.max_ms, steady.max_ms), flood.per_s)

    def batches(self, processes: Processes) -> float:
        """Claims per second by `score_batch` with one worker per core."""
        self._report("ours: batches")
        cores = os.cpu_count() or 1
        self._start_scorer(processes, workers=cores)
        bodies = score_bodies(2_000, self._stage.home)
        size = 250
        file = self._bodies.with_name("batches.jsonl")
        file.write_bytes(
            b"\n".join(
                b'{"requests":[' + b",".join(bodies[at : at + size]) + b"]}" for at in range(0, len(bodies), size)
            )
        )
        self.load("flood", "/v1/score_batch", bodies=file, lines=cores, seconds=1)
        done = self.load("flood", "/v1/score_batch", bodies=file, lines=2 * cores, seconds=self._lengths.flood_seconds)
        processes.stop("scorer")
        return round(done.per_s * size, 1)

    def naive(self, processes: Processes) -> HttpFigures:
        """The same task in its naive implementation."""
        self._report("the naive service")
        command = ["-m", "bentoml", "serve", "benchmarks.naive_service:NaiveService"]
        command += ["--host", "127.0.0.1", "--port", str(self._port)]
        processes.start("naive", command, ready=ReadyCheck(f"http://127.0.0.1:{self._port}/readyz"))
        processes.wait("naive")
        self._check_naive_margins()
        bodies = self._bodies.with_name("naive.jsonl")
        bodies.write_bytes(
            b"\n".join(
                b'{"claim":' + claim.model_dump_json().encode() + b"}" for claim in facts(2_000, self._stage.home)
            )
        )
        one = self.load("one", "/score", bodies=bodies, count=self._lengths.naive_requests, warm=30)
        flood = self.load("flood", "/score", bodies=bodies, seconds=self._lengths.flood_seconds)
        processes.stop("naive")
        return HttpFigures(one.p50_ms, one.p99_ms, one.max_ms, flood.per_s)

    def _check_naive_margins(self) -> None:
        """Check that the naive service computes our margins, so that the comparison is fair."""
        scorer, reader = self._ours()
        with httpx.Client(base_url=f"http://127.0.0.1:{self._port}", timeout=30) as client:
            for claim in facts(20, self._stage.home):
                theirs = client.post("/score", json={"claim": claim.model_dump(mode="json")}).raise_for_status().json()
                ours = scorer.score(claim, reader.read(claim))
                if abs(theirs["margin"] - ours.margin) > SAME_MARGIN:
                    raise RuntimeError(
                        f"{claim.claim_id}: the naive service has margin {theirs['margin']}, ours is {ours.margin}"
                    )

    def _ours(self) -> tuple[Scorer, OnlineReader]:
        pointer = read_pointer(self._stage.home)
        if pointer is None:
            raise RuntimeError("the stage has no champion")
        reader = OnlineReader(connect(self._stage.redis_url, deadline_ms=1_000))
        return Scorer(load_pointed(self._stage.home, pointer)), reader

    def in_process(self) -> InProcessFigures:
        """The floor (raw reads, predict, explain), and the explainer against `pred_contribs`, on one thread."""
        import redis
        import xgboost as xgb

        from features.vector import build_one

        self._report("in process: the floor, and the explainer compared with pred_contribs")
        scorer, reader = self._ours()
        names = list(scorer.artefact.features)
        booster = xgb.Booster({"nthread": 1}, model_file=scorer.artefact.path / "model.ubj")
        claims = facts(500, self._stage.home)
        vectors = [build_one(claim, reader.read(claim).states).reshape(1, -1) for claim in claims]
        keys = [reader.store_keys(claim) for claim in claims]
        raw = redis.Redis.from_url(self._stage.redis_url)

        def floor(at: int) -> None:
            raw.mget(keys[at])
            booster.inplace_predict(vectors[at], predict_type="margin")
            scorer.explain(vectors[at])

        def contribs(at: int) -> None:
            booster.predict(xgb.DMatrix(vectors[at], feature_names=names, nthread=1), pred_contribs=True)

        floor_us = _median_us(floor, len(claims))
        explain_us = _median_us(lambda at: scorer.explain(vectors[at]), len(claims))
        pred_contribs_us = _median_us(contribs, len(claims))
        rows, tables = _rows(self._stage.home), scorer.artefact.tables
        assert tables
        others = rows[:MAX_PEERS]
        _, ours, _ = scorer.explain(rows)
        theirs = booster.predict(xgb.DMatrix(rows, feature_names=names, nthread=1), pred_contribs=True)[:, :-1]
        return InProcessFigures(
            floor_p50_ms=round(floor_us / 1_000, 3),
            explain_us=round(explain_us, 1),
            pred_contribs_us=round(pred_contribs_us, 1),
            contrib_max_abs_diff=float(np.abs(ours - theirs).max()),
            interaction_ms=round(_median_us(lambda at: interactions(tables, rows[at]), 100, times=100) / 1_000, 3),
            against_peers_ms=round(
                _median_us(lambda at: contributions_against(tables, rows[at], others), 9, times=9, warm=1) / 1e3
            ),
            peers=measure_peers(booster, tables, np.tile(rows, (2, 1))[:PEER_ROWS], self._report),
        )

    def api(self) -> ApiFigures:
        """The claims API at 100 new claims/s, scored, decided and committed; at half the rate if it refuses claims."""
        *faster, slowest = API_RATES
        for rate in faster:
            try:
                return self._api_at(rate)
            except TooBusy as busy:
                self._report(f"{rate} claims/s are too many: {busy}")
        return self._api_at(slowest)

    def _api_at(self, rate: int) -> ApiFigures:
        self._report(f"the claims API: {self._lengths.api_seconds:.0f} s at {rate} claims/s")
        with platform(self._stage, free_routes()) as running:
            file = self._bodies.with_name("claims.jsonl")
            file.write_bytes(b"\n".join(running.bodies()))
            done = self.load(
                "steady",
                "/v1/claims",
                port=running.routes.api_port,
                bodies=file,
                header=f"authorization: Bearer {running.key}",
                once=True,
                rate=rate,
                seconds=self._lengths.api_seconds,
                warm=4,
            )
            self._report("the claims API: bursts of one provider")
            burst = measure_burst(running)
        return ApiFigures(rate, done.p50_ms, done.p99_ms, burst)

    def _start_scorer(self, processes: Processes, *, workers: int) -> None:
        command = [*COMMAND, "run", "scorer", "--port", str(self._port), "--workers", str(workers)]
        processes.start("scorer", command, ready=own_ready(self._port))
        processes.wait("scorer")
        if workers > 1:
            time.sleep(2.0)  # one worker answered; the others need about as long


def measure(report: ReportProgress, lengths: Durations | None = None) -> Figures:
    """Set up a stage, measure everything on it, and remove it."""
    with staged(report) as stage, Processes(stage.home / "run" / "bench", stage.environment) as processes:
        bench = Bench(stage, report, lengths or Durations())
        in_process = bench.in_process()
        explained = bench.explained(processes)
        batch_per_s = bench.batches(processes)
        naive = bench.naive(processes)
        api = bench.api()
    return Figures(
        explained_p50_ms=explained.p50_ms,
        explained_p99_ms=explained.p99_ms,
        explained_max_ms=explained.max_ms,
        naive_p50_ms=naive.p50_ms,
        naive_p99_ms=naive.p99_ms,
        floor_p50_ms=in_process.floor_p50_ms,
        explain_us=in_process.explain_us,
        pred_contribs_us=in_process.pred_contribs_us,
        contrib_max_abs_diff=in_process.contrib_max_abs_diff,
        interaction_ms=in_process.interaction_ms,
        against_peers_ms=in_process.against_peers_ms,
        peers=in_process.peers,
        rps_ours=explained.rps,
        rps_naive=naive.rps,
        batch_per_s=batch_per_s,
        api_rate=api.rate,
        api_p50_ms=api.p50_ms,
        api_p99_ms=api.p99_ms,
        burst_at_once_earlier=api.burst.at_once.earlier,
        burst_at_once_counted=api.burst.at_once.counted,
        burst_in_turn_earlier=api.burst.in_turn.earlier,
        burst_in_turn_counted=api.burst.in_turn.counted,
    )


def _median_us(work: Callable[[int], object], different: int, *, times: int = 800, warm: int = 100) -> float:
    taken = []
    for number in range(warm + times):
        began = time.perf_counter()
        work(number % different)
        if number >= warm:
            taken.append(time.perf_counter() - began)
    return statistics.median(taken) * 1e6


def _rows(home: Path) -> NDArray[np.float32]:
    """Vectors of claims with random missing and extreme values, for comparing explanations."""
    x: NDArray[np.float32] = np.load(vectors_file(home))[:ROWS_COMPARED]
    rng = np.random.default_rng(5)
    x[rng.random(x.shape) < 0.05] = np.nan
    extreme = rng.random(x.shape) < 0.02
    x[extreme] = rng.choice([-1e9, -1.0, 0.0, 1e9], size=int(extreme.sum())).astype(np.float32)
    return x


def table(figures: Figures) -> Sequence[tuple[str, str, str]]:
    """Rows of name, figure and target."""
    f = figures
    return [
        ("explained, p50", f"{f.explained_p50_ms:.2f} ms", "≤ 2.5"),
        ("explained, p99", f"{f.explained_p99_ms:.2f} ms", "≤ 5"),
        ("explained, worst", f"{f.explained_max_ms:.1f} ms", "≤ 60, a minute at 100/s included"),
        ("relative to the floor", f"{f.explained_p50_ms / f.floor_p50_ms:.1f} ×", "≤ 4"),
        ("naive, p50", f"{f.naive_p50_ms:.1f} ms", ""),
        ("throughput", f"{f.rps_ours:.0f}/s", f"{f.rps_ours / f.rps_naive:.1f} × the naive {f.rps_naive:.0f}/s; ≥ 2"),
        ("explanation", f"{f.explain_us:.0f} µs", f"{f.pred_contribs_us / f.explain_us:.0f} × faster; ≥ 8"),
        ("difference to pred_contribs", f"{f.contrib_max_abs_diff:.1e}", "≤ 1e-5"),
        ("strongest interaction", f"{f.interaction_ms:.2f} ms", "≤ 2"),
        ("compared with 2,000 peers", f"{f.against_peers_ms:.0f} ms", "off the request path"),
        *peer_lines(f.peers),
        ("batches", f"{f.batch_per_s:.0f} claims/s", "≥ 2,500"),
        (f"claims API at {f.api_rate:.0f}/s, p50", f"{f.api_p50_ms:.1f} ms", ""),
        (f"claims API at {f.api_rate:.0f}/s, p99", f"{f.api_p99_ms:.1f} ms", "≤ 40 at 100 claims/s"),
        (f"counted of {f.burst_at_once_earlier} earlier claims, at once", f"{f.burst_at_once_counted}", ""),
        (f"counted of {f.burst_in_turn_earlier} earlier claims, in turn", f"{f.burst_in_turn_counted}", ""),
    ]
