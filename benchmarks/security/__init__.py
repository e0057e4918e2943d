"""Attacks on a running platform, each blocked or not: `python -m benchmarks.security`."""

from benchmarks.security.attempts import AttackClass, Attempt
from benchmarks.security.run import SecurityFigures, run

__all__ = ["AttackClass", "Attempt", "SecurityFigures", "run"]
