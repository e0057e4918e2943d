"""The pages of a case's samples: draw, review, estimate, demand, ledger."""

from api.console.samples.routes import SamplePages
from api.console.samples.work import CaseSamples

__all__ = ["CaseSamples", "SamplePages"]
