"""What the steps before training hand to it, and to the record of the run."""

from dataclasses import dataclass

from pipelines.gates import GateResult
from pipelines.train.dataset import Source
from pipelines.train.examples import Examples
from pipelines.train.leakage import Suspect
from pipelines.train.split import Slices


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything training needs, gated and split."""

    source: Source
    examples: Examples
    slices: Slices
    features: tuple[str, ...]
    left_out: dict[str, str]
    quality: tuple[GateResult, ...]
    suspects: tuple[Suspect, ...]
