"""The output of the steps before training."""

from dataclasses import dataclass

from features.vector import ModelSchema
from pipelines.datasets import Examples, Slices, Source
from pipelines.gates import GateResult
from pipelines.train.leakage import FeatureAuc
from pipelines.train.suspicion import LeakWarning


@dataclass(frozen=True, slots=True)
class PreparedData:
    """A data set that passed its gates, split, with the features a model of it uses."""

    source: Source
    examples: Examples
    slices: Slices
    schema: ModelSchema
    left_out: dict[str, str]
    """Feature → why it is left out."""
    quality: tuple[GateResult, ...]
    leakage: tuple[FeatureAuc, ...]
    warnings: tuple[LeakWarning, ...] = ()
    """Signs of leaks that need no model."""
