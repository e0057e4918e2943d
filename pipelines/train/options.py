"""The options of a training run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, TypeAlias

from models.errors import FamilyError
from models.families import DEFAULT_FAMILY, Family, family_of
from pipelines.datasets import SplitPolicy
from pipelines.train.suspicion import Trust

Refit: TypeAlias = Literal["auto", "always", "never"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions:
    """Everything that may differ between two runs on the same data; equal options give identical bytes."""

    policy: SplitPolicy = field(default_factory=SplitPolicy)
    family: Family = DEFAULT_FAMILY
    """The family of models, with its parameters."""
    as_of: datetime | None = None
    """Train as of this time, without later claims and labels; None: as of the last claim."""
    trials: int = 0
    """Parameter sets to search before training; 0: use those of `family`."""
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


def family_from(spec: str, params: Path | None = None, *, seed: int | None = None) -> Family:
    """The family that `spec` names, with the parameters of a YAML or JSON file. Raises `FamilyError`."""
    given: dict[str, object] = {} if params is None else _params_of(params)
    if seed is not None:
        given["seed"] = seed
    return family_of(spec).with_params(given)


def _params_of(path: Path) -> dict[str, object]:
    import yaml

    try:
        read = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise FamilyError(f"{path} is neither YAML nor JSON: {str(error).splitlines()[0]}") from None
    if not isinstance(read, Mapping):
        raise FamilyError(f"{path} must map names of parameters to values")
    return {str(name): value for name, value in read.items()}
