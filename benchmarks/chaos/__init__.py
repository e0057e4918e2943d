"""The chaos test: submit claims at a constant rate, inject one fault after another, and check every claim.

scenario.py     what a fault is, and what the platform guarantees while it lasts
connections.py  faults between the processes, by proxies
scorer.py       faults of the scorer and its files
databases.py    PostgreSQL and Valkey killed, read-only, locked, restored from an older file
clocks.py       steps of the API's clock
disks.py        full disks
supervised.py   faults of the platform of `ginja up`
stream.py       the claims, and what became of each
watch.py        readiness and circuit breaker over time
platforms.py    the platforms that faults are injected into
stored.py       what the database holds
run.py          the run
results.py      results and targets
"""

from benchmarks.chaos.connections import CORRUPTIONS
from benchmarks.chaos.results import ChaosResults, FaultResult, SkippedFault, figures_line, missed_targets, table
from benchmarks.chaos.run import run, selection
from benchmarks.chaos.scenario import FaultEffect

__all__ = [
    "CORRUPTIONS",
    "ChaosResults",
    "FaultEffect",
    "FaultResult",
    "SkippedFault",
    "figures_line",
    "missed_targets",
    "run",
    "selection",
    "table",
]
