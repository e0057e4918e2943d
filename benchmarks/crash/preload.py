"""Imported once, by the process from which all others are forked."""

import gc

import mlflow.xgboost  # noqa: F401  # takes seconds, and the commands import it only when they need it

from benchmarks.crash import model_steps, steps

__all__ = ["model_steps", "steps"]

gc.collect()
gc.freeze()  # otherwise a collection in a forked process writes to every object, and copies the whole memory
