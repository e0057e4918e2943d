"""Crash-point exploration: `ginja bench crash`."""

from benchmarks.crash.exploration import CrashReport, explore, operation_names
from benchmarks.crash.known import changed_operations, known_boundaries, record_boundaries
from benchmarks.crash.watch import Side

__all__ = [
    "CrashReport",
    "Side",
    "changed_operations",
    "explore",
    "known_boundaries",
    "operation_names",
    "record_boundaries",
]
