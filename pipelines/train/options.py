"""The options of a training run."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

from models.booster import BoosterParams
from pipelines.datasets import SplitPolicy
from pipelines.train.suspicion import Trust

Refit: TypeAlias = Literal["auto", "always", "never"]
DEFAULT_PARAMS = BoosterParams(depth=4, learning_rate=0.06, min_child_weight=2.0, colsample=0.4, l2=5.0)
"""Shallow trees on few columns at a time: frauds are rare, features are many and correlated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions:
    """Everything that may differ between two runs on the same data; equal options give identical bytes."""

    policy: SplitPolicy = field(default_factory=SplitPolicy)
    params: BoosterParams = DEFAULT_PARAMS
    as_of: datetime | None = None
    """Train as of this time, without later claims and labels; None: as of the last claim."""
    trials: int = 0
    """Parameter sets to search before training; 0: use `params`."""
    search_seconds: float | None = None
    """Time limit of the search, in seconds."""
    reviews_a_week: float | None = None
    """The investigators' capacity, which places the threshold; None: one claim in a hundred."""
    use: str | None = None
    """The name of the use, for claims of a business that already has a model under another name; None: that of the data
    set."""
    without: tuple[str, ...] = ()
    """Features to leave out."""
    trusted: Trust = field(default_factory=Trust)
    """Features, fields and checks whose signs of a leak were examined: known before the decision."""
    refit: Refit = "auto"
    """Whether the final model is trained on every claim before the test, and calibrated by cross-fitting; `auto`: where
    they hold fewer than `pipelines.train.refit.REFIT_BELOW` frauds."""
    replicates: int = 100
    """Bootstrap draws of providers for the intervals of the report."""
