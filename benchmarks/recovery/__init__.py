"""`ginja bench recovery`: rankings by money, and the promise of a list, on small simulated insurers.

worlds.py     one insurer: a year to learn from, a year of weekly lists
rankings.py   dollars at K of every ranking, with paired intervals
promises.py   what the weekly lists promise, and what they hold
run.py        all of it over several insurers, and the table
"""

from benchmarks.recovery.run import RecoveryFigures, columns, mean_interval, measure, tables

__all__ = ["RecoveryFigures", "columns", "mean_interval", "measure", "tables"]
