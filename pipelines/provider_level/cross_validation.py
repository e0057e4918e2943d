"""Cross-validate a provider-level model, a baseline and the amount alone on folds that never split a provider.

Five stratified folds, three times, by fixed seeds. The baseline ("bar") and the model are scored on the same folds;
intervals and the paired difference come from a bootstrap over providers. Parameters were set once, before any fold was
scored, and no search uses these folds.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

from models.evaluation import Interval, Ranking, at_k, average_precision, bootstrap, roc_auc
from models.families import Family, TrainingSample
from pipelines.provider_level import network
from pipelines.provider_level.aggregates import FAMILIES, PLAIN, aggregate
from pipelines.provider_level.source import ProviderSet

FOLDS, REPEATS = 5, 3
Floats = NDArray[np.float64]
Rows = NDArray[np.intp]
Columns = Callable[[Rows], Floats]
"""From the training providers of a fold to the columns of all providers."""

_SHARED = {"objective": "binary:logistic", "tree_method": "hist", "nthread": 1, "verbosity": 0}
BAR: dict[str, object] = _SHARED | {"max_depth": 4, "learning_rate": 0.05, "subsample": 0.8, "colsample_bytree": 0.8}
BAR_ROUNDS, BAR_SEEDS = 200, (0,)
MODEL: dict[str, object] = _SHARED | {
    "max_depth": 3,
    "learning_rate": 0.03,
    "subsample": 0.7,
    "colsample_bytree": 0.4,
    "reg_lambda": 5.0,
    "min_child_weight": 5.0,
    "max_bin": 64,
}
"""Shallow, slow and regularised, because there are only 2,092 rows."""
MODEL_ROUNDS, MODEL_SEEDS = 400, (0, 1, 2)


@dataclass(frozen=True, slots=True)
class Fold:
    """Training and test providers."""

    train: Rows
    test: Rows


@dataclass(frozen=True, slots=True)
class FoldScores:
    """One model's scores: per fold, those of its test providers."""

    name: str
    scores: tuple[Floats, ...]


def folds(fraud: NDArray[np.bool_]) -> tuple[Fold, ...]:
    """The fixed folds; a row is a provider, so none is ever split."""
    found = []
    for repeat in range(REPEATS):
        parts = StratifiedKFold(FOLDS, shuffle=True, random_state=repeat).split(fraud, fraud)
        found += [Fold(train, test) for train, test in parts]
    return tuple(found)


def score_folds(
    name: str,
    columns: Columns,
    fraud: NDArray[np.bool_],
    parts: Sequence[Fold],
    *,
    params: dict[str, object] = MODEL,
    rounds: int = MODEL_ROUNDS,
    seeds: Sequence[int] = MODEL_SEEDS,
    step: Callable[[], None] = lambda: None,
) -> FoldScores:
    """Train on each fold's training providers, score the others; the mean of a few seeds."""
    scores = []
    for fold in parts:
        x = columns(fold.train)
        train = xgb.DMatrix(x[fold.train], fraud[fold.train].astype(np.float32))
        test = xgb.DMatrix(x[fold.test])
        margins = [
            xgb.train({**params, "seed": seed}, train, rounds).predict(test, output_margin=True) for seed in seeds
        ]
        scores.append(np.mean(margins, axis=0).astype(np.float64))
        step()
    return FoldScores(name, tuple(scores))


def score_family(
    family: Family, x: Floats, fraud: NDArray[np.bool_], parts: Sequence[Fold], *, step: Callable[[], None]
) -> FoldScores:
    """A family on each fold as `score_folds` does: trained on every training provider, the mean of the same seeds.

    A model that stops on a fifth of the training providers decides for how many rounds.
    """
    vectors, names = x.astype(np.float32), [f"column {place}" for place in range(x.shape[1])]
    scores = []
    for fold in parts:
        learn, stop = next(StratifiedKFold(5, shuffle=True, random_state=0).split(fold.train, fraud[fold.train]))
        whole = TrainingSample(vectors[fold.train], fraud[fold.train])
        rounds = family.fit(*(whole.only(rows) for rows in (learn, stop)), features=names).rounds
        margins = [
            replace(family, seed=seed).fit_rounds(whole, rounds, features=names).model.margins(vectors[fold.test])
            for seed in MODEL_SEEDS
        ]
        scores.append(np.mean(margins, axis=0).astype(np.float64))
        step()
    return FoldScores(family.spec, tuple(scores))


@dataclass(frozen=True, slots=True)
class RivalMetrics:
    """Metrics of a baseline."""

    features: int
    auc: float
    ap: float


@dataclass(frozen=True, slots=True)
class PairedRival:
    """A rival, and the model's lead over it on the same folds and draws."""

    name: str
    ap: float
    ap_lead: Interval


@dataclass(frozen=True, slots=True)
class AblationVariant:
    """Metrics of the model with other columns."""

    variant: str
    auc: float
    ap: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderEvaluation:
    """Metrics of the provider-level model, the baseline and the amount alone, over the same folds."""

    auc: Interval
    ap: Interval
    base_rate: float
    amount_only: RivalMetrics
    folds: int
    providers: int
    features: int
    bar: RivalMetrics
    auc_lead: Interval
    """Of the model over the baseline, paired."""
    ap_lead: Interval
    dollars_at_k: float
    """Share of the fraudulent providers' dollars at the tenth of the providers with the highest scores."""
    rivals: tuple[PairedRival, ...]
    ablation: tuple[AblationVariant, ...] = ()

    def as_json(self) -> dict[str, object]:
        """The JSON form, at four decimals."""
        found: dict[str, object] = {
            "dataset": "provider-fraud",
            "auc": _r(self.auc.value),
            "auc_ci": _ci(self.auc),
            "ap": _r(self.ap.value),
            "ap_ci": _ci(self.ap),
            "base_rate": _r(self.base_rate),
            "ap_amount_only": _r(self.amount_only.ap),
            "auc_amount_only": _r(self.amount_only.auc),
            "folds": self.folds,
            "providers": self.providers,
            "features": self.features,
            "bar": {"features": self.bar.features, "auc": _r(self.bar.auc), "ap": _r(self.bar.ap)},
            "difference": {
                "auc": _r(self.auc_lead.value),
                "auc_ci": _ci(self.auc_lead),
                "ap": _r(self.ap_lead.value),
                "ap_ci": _ci(self.ap_lead),
            },
        }
        found["dollars_at_k"] = _r(self.dollars_at_k)
        found["rivals"] = {
            one.name: {"ap": _r(one.ap), "paired_difference": _r(one.ap_lead.value), "paired_ci": _ci(one.ap_lead)}
            for one in self.rivals
        }
        if self.ablation:
            found["ablation"] = [
                {"variant": one.variant, "auc": _r(one.auc), "ap": _r(one.ap)} for one in self.ablation
            ]
        return found


class SortedScores:
    """Scores sorted once, so that a bootstrap only re-weights; AUC and average precision are means over the folds."""

    def __init__(self, scored: FoldScores, fraud: NDArray[np.bool_], parts: Sequence[Fold]) -> None:
        self._rows = [(fold.test, fraud[fold.test]) for fold in parts]
        self._rankings = [Ranking.of(scores) for scores in scored.scores]

    def auc(self, weights: Floats) -> float:
        return self._mean(roc_auc, weights)

    def ap(self, weights: Floats) -> float:
        return self._mean(average_precision, weights)

    def dollars(self, amounts: Floats, share: float) -> float:
        """Share of the fraudulent amounts among the `share` of the highest scores."""
        values = [
            at_k(fraud, ranking, share * len(test), amounts[test]).dollars
            for (test, fraud), ranking in zip(self._rows, self._rankings, strict=True)
        ]
        return float(np.mean(values))

    def _mean(self, metric: Callable[..., float], weights: Floats) -> float:
        values = [
            metric(fraud, ranking, weights[test])
            for (test, fraud), ranking in zip(self._rows, self._rankings, strict=True)
        ]
        return float(np.mean(values))


def evaluate_providers(
    data: ProviderSet,
    *,
    replicates: int = 1000,
    ablate: bool = False,
    challengers: Sequence[Family] = (),
    step: Callable[[str], None] = lambda name: None,
) -> ProviderEvaluation:
    """Compute all metrics. `ablate` adds the effect of each group of aggregates, `challengers` other models."""
    fraud, parts = data.fraud, folds(data.fraud)
    plain = aggregate(data, PLAIN)
    families = {name: aggregate(data, measures) for name, measures in FAMILIES.items()}
    everything = np.column_stack([plain, *families.values()])

    def scored(name: str, columns: Columns, **settings: object) -> FoldScores:
        return score_folds(name, columns, fraud, parts, step=lambda: step(name), **settings)  # type: ignore[arg-type]

    amount = plain[:, list(PLAIN).index("amount_sum")]
    by_amount = FoldScores("amount alone", tuple(amount[fold.test] for fold in parts))
    bar = scored("bar", lambda train: plain, params=BAR, rounds=BAR_ROUNDS, seeds=BAR_SEEDS)
    model = scored("model", lambda train: everything)
    ours, theirs, alone = (SortedScores(one, fraud, parts) for one in (model, bar, by_amount))
    others = [
        score_family(one, everything, fraud, parts, step=functools.partial(step, one.spec)) for one in challengers
    ]
    rivals = {bar.name: theirs, by_amount.name: alone} | {one.name: SortedScores(one, fraud, parts) for one in others}
    everyone = np.arange(len(fraud))

    def interval(metric: Callable[[Floats], float]) -> Interval:
        return bootstrap(metric, everyone, replicates=replicates)

    auc, ap = interval(ours.auc), interval(ours.ap)
    d_auc = interval(lambda w: ours.auc(w) - theirs.auc(w))
    d_ap = interval(lambda w: ours.ap(w) - theirs.ap(w))
    ones = np.ones(len(fraud))
    return ProviderEvaluation(
        auc=auc,
        ap=ap,
        base_rate=float(fraud.mean()),
        amount_only=RivalMetrics(1, alone.auc(ones), alone.ap(ones)),
        folds=len(parts),
        providers=len(fraud),
        features=everything.shape[1],
        bar=RivalMetrics(plain.shape[1], theirs.auc(ones), theirs.ap(ones)),
        auc_lead=d_auc,
        ap_lead=d_ap,
        dollars_at_k=ours.dollars(amount, 0.1),
        rivals=tuple(
            PairedRival(name, rival.ap(ones), interval(lambda w, rival=rival: ours.ap(w) - rival.ap(w)))  # type: ignore[misc]
            for name, rival in rivals.items()
        ),
        ablation=_ablation(data, families, parts, step) if ablate else (),
    )


def _ablation(
    data: ProviderSet, families: dict[str, Floats], parts: Sequence[Fold], step: Callable[[str], None]
) -> tuple[AblationVariant, ...]:
    """The model without each family of aggregates, and with the network."""
    fraud, plain, graph = data.fraud, aggregate(data, PLAIN), network.build(data)
    everything = np.column_stack([plain, *families.values()])
    tied = np.column_stack([everything, network.structure(graph)])
    variants: dict[str, Columns] = {"the 18 plain aggregates, regularised": lambda train: plain}
    for name in families:
        rest = np.column_stack([plain, *(values for other, values in families.items() if other != name)])
        variants[f"all without {name}"] = lambda train, rest=rest: rest  # type: ignore[misc]
    variants["all and the network"] = lambda train: tied
    variants["all, the network and neighbours' labels"] = lambda train: np.column_stack(
        [tied, network.neighbour_labels(graph, fraud, train)]
    )
    ones = np.ones(len(fraud))
    found = []
    for name, columns in variants.items():
        scored = score_folds(name, columns, fraud, parts, step=functools.partial(step, name))
        measured = SortedScores(scored, fraud, parts)
        found.append(AblationVariant(name, measured.auc(ones), measured.ap(ones)))
    return tuple(found)


def _r(value: float) -> float:
    return round(value, 4)


def _ci(interval: Interval) -> list[float]:
    return [_r(interval.low), _r(interval.high)]
