"""All claims of the period of some labelled ones, scored: what a threshold flags among them needs no label.

Where labels are findings of investigators, the labelled claims are those that a model pointed at. A threshold placed on
them alone would flag far more of all claims than can be reviewed.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from features.vector import ModelSchema
from models.evaluation import ScoredClaims
from pipelines.datasets.examples import Examples

Scorer = Callable[[NDArray[np.float32]], NDArray[np.float64]]
"""Maps vectors (M, features of the schema) to probabilities (M,)."""


def score_population(
    examples: Examples, rows: NDArray[np.intp], probabilities: NDArray[np.float64], schema: ModelSchema, score: Scorer
) -> ScoredClaims | None:
    """All claims received between the first and the last of `rows`, whose own `probabilities` are given.

    The rows represent the other labelled claims of the period too, which may have trained the model; claims without a
    label are scored. None where every claim of the period has a label: the rows represent them all.
    """
    received = examples.received_us[rows]
    first, last = int(received.min()), int(received.max())
    if examples.unlabelled is None or not len(others := examples.unlabelled.between(first, last)):
        return None
    labelled = int(((examples.received_us >= first) & (examples.received_us <= last)).sum())
    providers = examples.unlabelled.claims["provider_id"].to_numpy(zero_copy_only=False)[others]
    return ScoredClaims(
        probabilities=np.concatenate([probabilities, score(examples.unlabelled.matrix(others, schema))]),
        weights=np.concatenate([np.full(len(rows), labelled / len(rows)), np.ones(len(others))]),
        groups=resampling_units(np.concatenate([examples.providers[rows], providers])),
    )


def resampling_units(providers: NDArray[np.object_]) -> NDArray[np.object_]:
    """What a bootstrap resamples: the provider of each claim, or the claim itself where its provider is unknown."""
    names = [f"claim {row}" if name is None else str(name) for row, name in enumerate(providers)]
    return np.array(names, dtype=object)
