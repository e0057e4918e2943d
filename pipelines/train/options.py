"""What can be asked of a training run."""

from dataclasses import dataclass, field
from datetime import datetime

from models.booster import BoosterParams
from pipelines.train.split import SplitPolicy

DEFAULT_PARAMS = BoosterParams(depth=4, learning_rate=0.06, min_child_weight=2.0, colsample=0.4, l2=5.0)
"""Shallow trees on few columns at a time: frauds are few, features many and alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions:
    """Everything that may differ between two runs on the same data; the same options give the same bytes."""

    policy: SplitPolicy = field(default_factory=SplitPolicy)
    params: BoosterParams = DEFAULT_PARAMS
    as_of: datetime | None = None
    """Train as if it were then: claims received later, and labels known later, are not there. None: the last claim."""
    trials: int = 0
    """Parameter sets to try before training; 0: the ones given are taken."""
    search_seconds: float | None = None
    """Longest the search may take."""
    reviews_a_week: float | None = None
    """The investigators' capacity, which places the threshold; None: one claim in a hundred."""
    without: tuple[str, ...] = ()
    """Features to do without."""
    trusted: tuple[str, ...] = ()
    """Features that may rank nearly perfectly alone: somebody knows that they are known before the decision."""
    replicates: int = 100
    """Draws of providers for the intervals of the report."""
