"""What is recorded of a run: parameters, metrics, curves, figures, texts, the data set and tags."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class DataRecord:
    """The data set of a run: N vectors of F columns with their labels, where they come from, and what for."""

    name: str
    uri: str
    """Where it comes from: `mlflow.data.get_source` resolves it. MLflow's page shows a link for `https` and `s3`, and a
    path for `file`.
    """
    sha256: str
    columns: Sequence[str]
    """(F,): names of the features."""
    features: NDArray[np.float32]
    fraud: NDArray[np.bool_]
    context: str = "training"
    """What the run did with it: `training`, `evaluation`, `drift`."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """Everything to log for a run."""

    name: str
    command: str
    git_commit: str | None = None
    params: Mapping[str, object] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    series: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """Values by round, such as the log loss of the evaluation claims."""
    figures: Mapping[str, bytes] = field(default_factory=dict)
    """File name (`pr.png`) → image."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """File name (`model_card.md`, `quality.html`) → content."""
    data: DataRecord | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
    """Markdown, at the top of the run's page and of its registered version. A link to `artifacts:PATH` becomes one to
    that file of the run on MLflow's page.
    """


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """A registered version: the artefact's version, MLflow's version number, and the run."""

    version: str
    number: str
    run_id: str
