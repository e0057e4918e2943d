"""Imported once, by the process from which all others are forked."""

import gc

from benchmarks.crash import model_steps, steps

__all__ = ["model_steps", "steps"]

gc.collect()
gc.freeze()  # otherwise a collection in a forked process writes to every object, and copies the whole memory
