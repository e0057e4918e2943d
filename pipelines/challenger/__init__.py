"""The trial of a challenger: it scores in shadow or decides a share of claims, and is compared with the champion."""

from typing import TYPE_CHECKING

from pipelines.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from pipelines.challenger.errors import ChallengerError
    from pipelines.challenger.read import assessed
    from pipelines.challenger.report import ComparedAssessment, Pair, TrialReport, compare
    from pipelines.challenger.trial import Trial, running, start, stop

__all__ = [
    "ChallengerError",
    "ComparedAssessment",
    "Pair",
    "Trial",
    "TrialReport",
    "assessed",
    "compare",
    "running",
    "start",
    "stop",
]
__getattr__ = lazy_exports(__name__, __file__)
