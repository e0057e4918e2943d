"""Matplotlib figures of a model's performance, for MLflow and reports; no display or global state needed."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from models.evaluation import metrics
from models.evaluation.metrics import Ranking

Scores = Mapping[str, NDArray[np.floating]]
"""Name of a ranking (`model`, `2× rule`, `amount`) → its score of each claim (N,)."""

_COLOURS = ("#1f5fa8", "#c2571a", "#3d8c57", "#8a4fa3", "#777777")
_MOST_POINTS = 2000


def precision_recall(fraud: NDArray[np.bool_], scores: Scores) -> Figure:
    """Precision against recall of each ranking, with the base rate."""
    figure, axes = _figure("Recall", "Precision", "Precision and recall")
    for (name, score), colour in zip(scores.items(), _COLOURS, strict=False):
        ranking = Ranking.of(score)
        found, reviewed = ranking.steps(fraud.astype(float)), ranking.steps(np.ones(len(fraud)))
        keep = _thin(len(found))
        label = f"{name}, average precision {metrics.average_precision(fraud, ranking):.3f}"
        axes.step((found / found[-1])[keep], (found / reviewed)[keep], where="post", color=colour, label=label)
    axes.axhline(fraud.mean(), color="#999999", linestyle=":", label=f"base rate {fraud.mean():.3f}")
    axes.set_ylim(0, 1.02)
    axes.legend(loc="upper right")
    return figure


def gains(fraud: NDArray[np.bool_], amounts_cents: NDArray[np.integer], scores: Scores) -> Figure:
    """Share of the fraudulent dollars found against the share of claims reviewed."""
    figure, axes = _figure("Claims reviewed", "Fraudulent dollars found", "Gains")
    dollars = (fraud * amounts_cents).astype(float)
    for (name, score), colour in zip(scores.items(), _COLOURS, strict=False):
        ranking = Ranking.of(score)
        found, reviewed = ranking.steps(dollars), ranking.steps(np.ones(len(fraud)))
        keep = _thin(len(found))
        axes.plot((reviewed / reviewed[-1])[keep], (found / found[-1])[keep], color=colour, label=name)
    axes.plot([0.001, 1], [0.001, 1], color="#999999", linestyle=":", label="random")
    axes.set_xscale("log")
    axes.set_xlim(0.001, 1)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.1%}")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.legend(loc="upper left")
    return figure


def calibration(fraud: NDArray[np.bool_], probabilities: NDArray[np.floating]) -> Figure:
    """Fraud observed against fraud expected, in bins of equal numbers of claims."""
    figure, axes = _figure("Expected share of fraud", "Observed share of fraud", "Calibration")
    bins = metrics.calibration_bins(fraud, probabilities)
    expected = [max(b.expected, 1e-5) for b in bins]
    observed = [max(b.observed, 1e-5) for b in bins]
    axes.plot([1e-5, 1], [1e-5, 1], color="#999999", linestyle=":", label="ideal")
    error = metrics.calibration_error(fraud, probabilities)
    axes.plot(expected, observed, "o-", color=_COLOURS[0], label=f"model, mean distance {error:.4f}")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.legend(loc="upper left")
    return figure


def contributions(names: Sequence[str], phi: NDArray[np.floating], *, most: int = 20) -> Figure:
    """The features that move the margin most: mean absolute contribution, log-odds, over claims (N, F)."""
    figure, axes = _figure("Mean absolute contribution, log-odds", "", "Feature importance")
    strength = np.abs(phi).mean(axis=0)
    top = np.argsort(strength)[-most:]
    spread = [np.quantile(phi[:, i], [0.02, 0.98]) for i in top]
    axes.barh([names[i] for i in top], strength[top], color=_COLOURS[0])
    for place, (low, high) in enumerate(spread):
        axes.plot([low, high], [place, place], color=_COLOURS[1], linewidth=1.5)
    axes.plot([], [], color=_COLOURS[1], label="range of 96 % of claims")
    axes.axvline(0, color="#999999", linewidth=0.8)
    axes.tick_params(axis="y", labelsize=7)
    axes.legend(loc="lower right")
    return figure


def confusion(kinds: Sequence[str], flagged: NDArray[np.bool_]) -> Figure:
    """Claims flagged and passed at the threshold, by kind of fraud (`clean` among them), as shares of the kind."""
    figure, axes = _figure("Share of the claims flagged", "", "At the threshold, by kind of fraud")
    labels = np.asarray(kinds)
    found = sorted(set(kinds), key=lambda kind: -float(flagged[labels == kind].mean()))
    for place, kind in enumerate(reversed(found)):
        of_kind = flagged[labels == kind]
        axes.barh(place, of_kind.mean(), color=_COLOURS[0])
        axes.text(of_kind.mean() + 0.01, place, f"{int(of_kind.sum()):,} of {len(of_kind):,}", va="center", fontsize=8)
    axes.set_yticks(range(len(found)), list(reversed(found)))
    axes.set_xlim(0, 1.15)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    return figure


def learning(history: Mapping[str, Sequence[float]], best: int) -> Figure:
    """Log loss by round, and the round at which the booster was cut."""
    figure, axes = _figure("Round", "Log loss", "Training")
    for (name, values), colour in zip(history.items(), _COLOURS, strict=False):
        axes.plot(range(1, len(values) + 1), values, color=colour, label=name)
    axes.axvline(best, color="#999999", linestyle=":", label=f"cut at {best}")
    axes.legend(loc="upper right")
    return figure


def _figure(x: str, y: str, title: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(7, 4.5), dpi=110, layout="constrained")
    axes = figure.subplots()
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_title(title, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    return figure, axes


def _thin(count: int) -> NDArray[np.intp]:
    """Places of at most `_MOST_POINTS` of `count` points, dense where the ranking begins."""
    if count <= _MOST_POINTS:
        return np.arange(count)
    return np.unique(np.geomspace(1, count, _MOST_POINTS).astype(int)) - 1
