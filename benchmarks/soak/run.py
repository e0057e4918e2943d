"""The run of the soak test, its results and targets."""

import asyncio
import itertools
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from rich.table import Table

from benchmarks.chaos.connections import brief_faults
from benchmarks.chaos.platforms import services_platform
from benchmarks.chaos.scenario import ServicesTarget
from benchmarks.chaos.stored import all_submitted
from benchmarks.soak.samples import ProcessSample, StorageSample, part_processes, sample_processes, sample_storage
from benchmarks.soak.trends import Trend, trend
from benchmarks.soak.windows import FaultPeriod, ResponseWindow, response_windows
from benchmarks.stage import ReportProgress, Stage, staged

SAMPLE_EVERY_S: Final = 5.0
FAULT_EVERY_S: Final = 20.0
FAULT_S: Final = 3.0
WARM_UP_SHARE: Final = 0.25
"""Of the run, at least one rotation of the faults: caches fill, and every code path runs once."""
CYCLE_SHARE: Final = 0.2
"""Of the claims of a run that differ."""
BURST: Final = 40
"""Claims at once, before anything is measured: every connection of each pool is opened."""
TOLERANCE_PER_HOUR: Final = 0.01
"""A part is flat if its slope is within noise of zero, or of 1 % of its memory an hour."""
MOST_MORE: Final = 2.0
"""File descriptors, threads or files by which the last quarter may exceed the first."""
P99_RATIO: Final = 1.2


@dataclass(frozen=True, slots=True)
class PartResult:
    """The trends of one part after the warm-up, in MB, file descriptors and threads; per hour."""

    part: str
    start_mb: float
    """Anonymous memory at the first sample."""
    memory: Trend
    rss: Trend
    fds: Trend
    threads: Trend
    relation_files: Trend
    """Files of tables and indexes that the processes have open: bounded by those there are, and no target."""


@dataclass(frozen=True, slots=True)
class SoakResult:
    """The result of a soak test."""

    minutes: float
    rate: float
    claims: int
    statuses: dict[str, int]
    lost: int
    """Claims answered with 201 that are not in the database, and claims whose outcome stayed open."""
    refused: int
    """Claims that got 429 or 503 with Retry-After each time they were sent: none was confirmed, none is stored."""
    faults: int
    parts: list[PartResult]
    temp_files: Trend
    temp_mb: Trend
    run_files: Trend
    log_mb: Trend
    window_s: float
    """Length of a window: a rotation of the faults."""
    windows: list[ResponseWindow]
    """Response times in order; the first and the last are compared if there are two or more."""

    def broken(self) -> list[str]:
        """Every missed target, as text."""
        found = [text for part in self.parts for text in _growth(part)]
        for name, one in (("temporary files", self.temp_files), ("files in run/", self.run_files)):
            if one.grows and one.last > one.first + MOST_MORE:
                found.append(f"{name}: {one.first:.0f} to {one.last:.0f}")
        if self.lost:
            found.append(f"{self.lost} of {self.claims} claims lost")
        if self.windows and self.windows[-1].p99_ms > P99_RATIO * self.windows[0].p99_ms:
            found.append(f"p99 went from {self.windows[0].p99_ms:.0f} to {self.windows[-1].p99_ms:.0f} ms")
        return found


def _growth(part: PartResult) -> list[str]:
    found = []
    m = part.memory
    if m.low > TOLERANCE_PER_HOUR * m.first and m.last > m.first:  # what is less at the end has not grown
        found.append(f"{part.part}: memory grows {m.per_hour:.1f} MB/h ({m.low:.1f} to {m.high:.1f})")
    for name, one in (("file descriptors", part.fds), ("threads", part.threads)):
        if one.grows and one.last > one.first + MOST_MORE:
            found.append(f"{part.part}: {name} {one.first:.0f} to {one.last:.0f}")
    return found


def run(report: ReportProgress, *, minutes: float, rate: float) -> SoakResult:
    """Set up a stage, submit claims at a constant rate with a short fault every 20 s, and measure what grows."""
    # Each claim comes several times, and once within the warm-up: rows of new keys are data, and no leak.
    different = max(1_000, int(minutes * 60 * rate * CYCLE_SHARE))
    with staged(report, live_claims=different) as stage, tempfile.TemporaryDirectory(prefix="ginja-soak-") as temp:
        return asyncio.run(_soak(report, stage, Path(temp), minutes, rate))


async def _soak(report: ReportProgress, stage: Stage, temp: Path, minutes: float, rate: float) -> SoakResult:
    loop = asyncio.get_running_loop()
    async with services_platform(stage, report, rate, of_all={"TMPDIR": str(temp)}) as target:
        for _ in range(3):
            await target.stream.burst(BURST)
        report(f"{minutes:g} minutes at {rate:g} claims/s")
        began = loop.time()
        samples = _Samples(target, temp, began)
        sampling = asyncio.create_task(samples.take())
        faults: list[FaultPeriod] = []
        injected = asyncio.create_task(_inject(target, report, faults))
        try:
            done, _ = await asyncio.wait({sampling, injected}, timeout=minutes * 60)
            for task in done:
                task.result()  # neither ends by itself
        finally:
            for task in (sampling, injected):
                task.cancel()
            await asyncio.gather(sampling, injected, return_exceptions=True)
        ended = loop.time()
        await target.until_steady()
        stored = await asyncio.to_thread(all_submitted, stage)
    sent = [one for one in target.stream.sent if began <= one.at < ended]
    window_s = FAULT_EVERY_S * len(brief_faults())
    return SoakResult(
        minutes=minutes,
        rate=rate,
        claims=len(sent),
        statuses={str(status): count for status, count in sorted(Counter(one.first_status for one in sent).items())},
        lost=sum(one.is_lost(stored) for one in sent),
        refused=sum(one.only_refused for one in sent),
        faults=len(faults),
        parts=samples.parts(),
        temp_files=samples.storage_trend("temp_files"),
        temp_mb=samples.storage_trend("temp_mb"),
        run_files=samples.storage_trend("run_files"),
        log_mb=samples.storage_trend("log_mb"),
        window_s=window_s,
        windows=response_windows(sent, faults, began=began, ended=ended, window_s=window_s),
    )


async def _inject(target: ServicesTarget, report: ReportProgress, periods: list[FaultPeriod]) -> None:
    """Inject the faults of the connections in turn, one every 20 s, until cancelled; `periods` gets each that ended."""
    loop = asyncio.get_running_loop()
    due = loop.time()
    for scenario in itertools.cycle(brief_faults()):
        report(scenario.name)
        began = loop.time()
        async with scenario.inject(target):
            await asyncio.sleep(FAULT_S)
        periods.append(FaultPeriod(scenario.name, began, loop.time()))
        due += FAULT_EVERY_S
        await asyncio.sleep(max(0.0, due - loop.time()))


class _Samples:
    """The samples of a run."""

    def __init__(self, target: ServicesTarget, temp: Path, began: float) -> None:
        self._target = target
        self._temp = temp
        self._began = began
        self._processes: list[ProcessSample] = []
        self._storage: list[StorageSample] = []

    async def take(self) -> None:
        """Take a sample every five seconds until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            at_s = loop.time() - self._began
            await asyncio.to_thread(self._take, at_s)
            await asyncio.sleep(max(0.0, at_s + SAMPLE_EVERY_S - (loop.time() - self._began)))

    def _take(self, at_s: float) -> None:
        parts = part_processes(self._target.processes, self._target.home)
        self._processes += sample_processes(at_s, parts, self._target.home)
        self._storage.append(sample_storage(at_s, self._target.home, self._temp))

    def _warm(self) -> float:
        return self._storage[-1].at_s * WARM_UP_SHARE

    def parts(self) -> list[PartResult]:
        """The trends of each part after the warm-up."""
        return [self._part(name) for name in dict.fromkeys(one.part for one in self._processes)]

    def _part(self, name: str) -> PartResult:
        every = [one for one in self._processes if one.part == name]
        warm = [one for one in every if one.at_s >= self._warm()]
        at_s = [one.at_s for one in warm]
        return PartResult(
            part=name,
            start_mb=round(every[0].own_mb, 1),
            memory=_trend(at_s, [one.own_mb for one in warm]),
            rss=_trend(at_s, [one.rss_mb for one in warm]),
            fds=_trend(at_s, [one.fds for one in warm]),
            threads=_trend(at_s, [one.threads for one in warm]),
            relation_files=_trend(at_s, [one.relation_files for one in warm]),
        )

    def storage_trend(self, figure: str) -> Trend:
        """The trend of one figure of the files."""
        warm = [one for one in self._storage if one.at_s >= self._warm()]
        return _trend([one.at_s for one in warm], [getattr(one, figure) for one in warm])


def _trend(at_s: Sequence[float], values: Sequence[float]) -> Trend:
    found = trend(at_s, values, block_s=FAULT_EVERY_S * len(brief_faults()) / 3)
    return Trend(**{name: round(value, 2) for name, value in asdict(found).items()})


def table(result: SoakResult) -> Table:
    """The result as a terminal table."""
    shown = Table("part", "MB first", "MB last", "MB/h", "95 % interval", "descriptors", "threads")
    for part in result.parts:
        shown.add_row(
            part.part,
            f"{part.memory.first:.1f}",
            f"{part.memory.last:.1f}",
            f"{part.memory.per_hour:+.1f}",
            f"{part.memory.low:+.1f} to {part.memory.high:+.1f}",
            f"{part.fds.first:.0f} to {part.fds.last:.0f}",
            f"{part.threads.first:.0f} to {part.threads.last:.0f}",
        )
    files = result.temp_files
    shown.add_row("temporary files", f"{files.first:.0f}", f"{files.last:.0f}")
    shown.add_row("logs, MB", f"{result.log_mb.first:.1f}", f"{result.log_mb.last:.1f}")
    shown.add_row("claims lost", "", str(result.lost))
    shown.add_row("claims refused each time", "", str(result.refused))
    for window in result.windows:
        shown.add_row(f"p99 from {window.at_s:.0f} s, ms", f"{window.p99_ms:.0f}")
    return shown
