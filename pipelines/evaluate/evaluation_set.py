"""The claims that models are evaluated on, with the scores of every model and baseline."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from core.clock import DAY_US
from features.declare import AGE_BAND_EDGES
from models.evaluation import LabelledScores, ScoredClaims
from pipelines.datasets import Examples, resampling_units

MODEL, CHAMPION, RULE, AMOUNT = "model", "champion", "2x rule", "amount only"
LOGISTIC, FOREST, RAW = "logistic regression", "isolation forest", "booster of raw columns"


@dataclass(frozen=True, slots=True)
class EvaluationSet:
    """Claims of the evaluation window in the order of receipt (N rows), with the columns that reports need."""

    fraud: NDArray[np.bool_]
    kind: NDArray[np.object_]
    """The kind of fraud; None for clean claims and unknown kinds."""
    amounts_cents: NDArray[np.int64]
    providers: NDArray[np.object_]
    """What a bootstrap resamples: the provider, or the claim itself where its provider is unknown."""
    unseen: NDArray[np.bool_]
    """The claim's provider has no training claim."""
    rule: NDArray[np.bool_]
    """Flagged by the 2× rule."""
    groups: Mapping[str, NDArray[np.object_]]
    """Attribute (`region`, `member sex` …) → each claim's group, None where unknown."""
    received_us: NDArray[np.int64]
    weights: NDArray[np.float64] | None = None
    """Inverse propensities, where the labels come from an audit; None: all 1."""
    scores: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    """Model or baseline → scores (N,), higher is more suspicious."""
    probabilities: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    """Model → calibrated probabilities (N,), where it has any."""
    everything: dict[str, ScoredClaims] = field(default_factory=dict)
    """Model → all claims of the period with its probabilities, where some of them have no label."""

    def __len__(self) -> int:
        return len(self.fraud)

    @property
    def days(self) -> float:
        """Days from the first claim to the last, at least 1."""
        return max(1.0, float(self.received_us.max() - self.received_us.min()) / DAY_US)

    @property
    def represented(self) -> NDArray[np.float64]:
        """How many claims each represents (N,)."""
        return np.ones(len(self)) if self.weights is None else self.weights

    def labelled_scores(self, name: str, *, claims_a_day: float) -> LabelledScores:
        """A model's probabilities with the labels, over the days that as many claims as they represent take."""
        everything = self.everything.get(name)
        claims = (self.represented if everything is None else everything.weights).sum()
        return LabelledScores(
            self.probabilities[name],
            self.fraud,
            self.amounts_cents,
            float(claims) / claims_a_day,
            weights=self.weights,
            everything=everything,
        )


def evaluation_set_of(examples: Examples, rows: NDArray[np.intp], train: NDArray[np.intp]) -> EvaluationSet:
    """Take the claims of `rows`; the rows of `train` determine which providers the model has seen."""
    seen = set(examples.providers[train])
    providers = examples.providers[rows]
    return EvaluationSet(
        fraud=examples.fraud[rows],
        kind=examples.kind[rows],
        amounts_cents=examples.amounts_cents[rows],
        providers=resampling_units(providers),
        unseen=np.array([name is not None and name not in seen for name in providers], dtype=bool),
        rule=examples.rule_flags()[rows],
        groups=groups_of(examples, rows),
        received_us=examples.received_us[rows],
        weights=None if examples.weights is None else examples.weights[rows],
    )


def groups_of(examples: Examples, rows: NDArray[np.intp]) -> dict[str, NDArray[np.object_]]:
    """Groups by specialty, region, provider size, member age band and sex; attributes the data lack are left out."""
    taken = examples.claims.take(rows)
    groups = {}
    for name, column in (("specialty", "specialty"), ("region", "region"), ("member sex", "sex")):
        if taken[column].null_count < len(taken):
            groups[name] = np.array(taken[column].to_pylist(), dtype=object)
    sizes = examples.column("provider_claims_365d")[rows]
    if not np.isnan(sizes).all():
        groups["provider size"] = _banded(
            sizes, (25, 100, 400), ("under 25 claims a year", "25 to 99", "100 to 399", "400 and more")
        )
    if taken["age_years"].null_count < len(taken):
        ages = taken["age_years"].to_numpy(zero_copy_only=False).astype(np.float64)
        names = ["0", *(f"{low} to {high - 1}" for low, high in pairwise(AGE_BAND_EDGES))]
        groups["member age"] = _banded(ages, AGE_BAND_EDGES, (*names, f"{AGE_BAND_EDGES[-1]} and more"))
    return groups


def _banded(values: NDArray[np.floating], edges: tuple[int, ...], names: tuple[str, ...]) -> NDArray[np.object_]:
    places = np.searchsorted(edges, np.nan_to_num(values), side="right")
    bands: NDArray[np.object_] = np.array(names, dtype=object)[places]
    bands[np.isnan(values)] = None
    return bands
