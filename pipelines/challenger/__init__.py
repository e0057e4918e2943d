"""A challenger's trial: it scores in shadow, decides a share of claims if told to, and is held beside the champion."""

from pipelines.challenger.errors import ChallengerError
from pipelines.challenger.read import assessed
from pipelines.challenger.report import Assessed, Pair, Report, compare
from pipelines.challenger.trial import Trial, running, start, stop

__all__ = [
    "Assessed",
    "ChallengerError",
    "Pair",
    "Report",
    "Trial",
    "assessed",
    "compare",
    "running",
    "start",
    "stop",
]
