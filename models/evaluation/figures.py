"""Matplotlib figures of a model's performance, for MLflow and reports; no display or global state needed.

Claims count by their weights (inverse propensities, N, or None for ones), as in the metrics. Within a tie claims are
taken in equal parts, so a curve through a tie is sampled densely: a straight line on a logarithmic axis, or between two
points of precision and recall, would show values that no ranking has.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import TypedDict

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray

from models.evaluation import metrics
from models.evaluation.intervals import Interval
from models.evaluation.metrics import Ranking

Scores = Mapping[str, NDArray[np.floating]]
"""Name of a ranking (`model`, `2× rule`, `amount`) → its score of each claim (N,)."""
Intervals = Mapping[str, Interval]
"""Name of a ranking → a metric with its interval."""
Weights = NDArray[np.floating] | None
Floats = NDArray[np.float64]

_COLOURS = ("#1f5fa8", "#c2571a", "#3d8c57", "#8a4fa3", "#b8860b", "#5a5a5a", "#c23b6b", "#2a9d9d")
_DASHES = ("-", "--", "-.")
_GREY = "#999999"
_POINTS = 1000
"""Points of a curve."""


class _Style(TypedDict):
    """How a curve is drawn, under Matplotlib's names."""

    color: str
    linestyle: str


def precision_recall(
    fraud: NDArray[np.bool_], scores: Scores, *, weights: Weights = None, intervals: Intervals | None = None
) -> Figure:
    """Precision against recall of each ranking, with the base rate; `intervals` are of the average precision."""
    figure, axes = _figure("Recall", "Precision", "Precision and recall")
    w = _ones(fraud, weights)
    for name, score, style in _styled(scores):
        ranking = Ranking.of(score)
        reviewed, found = _sampled(ranking, w, w * fraud, _grid(float(w.sum()), float(w.min())))
        value = metrics.average_precision(fraud, ranking, weights)
        label = f"{name}, AP {_with_interval(value, (intervals or {}).get(name))}"
        # Within the first claim, or the first tie, its precision holds.
        recall, precision = np.append(0.0, found / found[-1]), found / reviewed
        axes.plot(recall, np.append(precision[0], precision), label=label, **style)
    rate = float(np.average(fraud, weights=weights))
    axes.axhline(rate, color=_GREY, linestyle=":", label=f"base rate {rate:.3f}")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    _legend_below(axes)
    return figure


def roc(
    fraud: NDArray[np.bool_], scores: Scores, *, weights: Weights = None, intervals: Intervals | None = None
) -> Figure:
    """Receiver operating characteristic: frauds found against clean claims flagged; `intervals` are of the AUC."""
    figure, axes = _figure("Share of clean claims flagged", "Share of frauds found", "ROC")
    w = _ones(fraud, weights)
    for name, score, style in _styled(scores):
        ranking = Ranking.of(score)
        wrong, found = (np.append(0.0, ranking.steps(w * own)) for own in (~fraud, fraud))
        keep = np.unique(np.append(_thin(len(found)), len(found) - 1))
        value = metrics.roc_auc(fraud, ranking, weights)
        label = f"{name}, AUC {_with_interval(value, (intervals or {}).get(name))}"
        axes.plot((wrong / wrong[-1])[keep], (found / found[-1])[keep], label=label, **style)
    axes.plot([0, 1], [0, 1], color=_GREY, linestyle=":", label="random")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(_percent())
    _legend_below(axes)
    return figure


def gains(
    fraud: NDArray[np.bool_], amounts_cents: NDArray[np.integer], scores: Scores, *, weights: Weights = None
) -> Figure:
    """Share of the fraudulent dollars found against the share of claims reviewed, on a logarithmic axis."""
    figure, axes = _figure("Claims reviewed (logarithmic)", "Fraudulent dollars found", "Gains")
    w = _ones(fraud, weights)
    total = float(w.sum())
    least = max(min(0.001, 100 / len(w)), float(w.min()) / total)
    grid = np.geomspace(least, 1, _POINTS) * total
    for name, score, style in _styled(scores):
        reviewed, found = _sampled(Ranking.of(score), w, w * fraud * amounts_cents, grid)
        axes.plot(reviewed / total, found / found[-1], label=name, **style)
    axes.plot(grid / total, grid / total, color=_GREY, linestyle=":", label="random order")
    axes.set_xscale("log")
    axes.set_xlim(least, 1)
    axes.set_ylim(0, 1.02)
    axes.xaxis.set_major_formatter(_percent())
    axes.yaxis.set_major_formatter(_percent())
    _legend_below(axes)
    return figure


def calibration(fraud: NDArray[np.bool_], probabilities: NDArray[np.floating], *, weights: Weights = None) -> Figure:
    """Fraud observed against fraud expected, in bins of equal numbers of claims, with 95 % intervals.

    Logarithmic axes have no zero: a bin without fraud is drawn at the upper end of its interval, as a triangle.
    """
    figure, axes = _figure("Expected share of fraud", "Observed share of fraud", "Calibration")
    bins = metrics.calibration_bins(fraud, probabilities, weights)
    shown = [one for one in bins if one.observed > 0]
    none = [one for one in bins if not one.observed > 0]
    ends = [value for one in bins for value in (one.expected, one.high, *([one.low] if one.low > 0 else []))]
    low, high = max(min([*ends, 0.1]) / 1.5, 1e-7), 1.0
    axes.plot([low, high], [low, high], color=_GREY, linestyle=":", label="ideal")
    error = metrics.calibration_error(fraud, probabilities, weights)
    observed = np.array([one.observed for one in shown])
    below = observed - np.array([one.low for one in shown])
    axes.errorbar(
        [one.expected for one in shown], observed, yerr=[below, np.array([one.high for one in shown]) - observed],
        fmt="o", markersize=5, capsize=2, color=_COLOURS[0], label=f"model, mean distance {error:.4f}",
    )  # fmt: skip
    if none:
        axes.plot(
            [one.expected for one in none], [one.high for one in none], "v", fillstyle="none", color=_COLOURS[0],
            label="no fraud observed: at most (95 %)",
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(low, high)
    axes.set_ylim(low, high)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(_percent())
    axes.legend(loc="upper left")
    return figure


def contributions(names: Sequence[str], phi: NDArray[np.floating], *, most: int = 20) -> Figure:
    """The features that move the margin most, over claims (N, F): mean absolute contribution, and its spread."""
    figure, axes = _figure("Contribution to the margin, log-odds", "", "Feature importance")
    figure.set_size_inches(6, 6)
    strength = np.abs(phi).mean(axis=0)
    top = np.argsort(strength)[-most:]
    axes.barh([names[i] for i in top], strength[top], color=_COLOURS[0], label="mean of the absolute contribution")
    for place, i in enumerate(top):
        low, high = np.quantile(phi[:, i], [0.02, 0.98])
        axes.plot([low, high], [place, place], color=_COLOURS[1], linewidth=1.5, marker="|")
    axes.plot([], [], color=_COLOURS[1], marker="|", label="contribution (with sign) of the middle 96 % of claims")
    axes.axvline(0, color=_GREY, linewidth=0.8)
    axes.tick_params(axis="y", labelsize=8)
    _legend_below(axes, columns=1)
    return figure


def confusion(kinds: Sequence[str], flagged: NDArray[np.bool_], *, weights: Weights = None) -> Figure:
    """Claims flagged and passed at the threshold, by kind of fraud (`clean` among them), as shares of the kind."""
    figure, axes = _figure("Share of the claims flagged", "", "At the threshold, by kind of fraud")
    labels = np.asarray(kinds)
    w = _ones(flagged, weights)
    shares = {kind: float(np.average(flagged[labels == kind], weights=w[labels == kind])) for kind in set(kinds)}
    found = sorted(shares, key=lambda kind: shares[kind])
    for place, kind in enumerate(found):
        of_kind = flagged[labels == kind]
        axes.barh(place, shares[kind], color=_GREY if kind == "clean" else _COLOURS[0])
        axes.text(shares[kind] + 0.01, place, f"{int(of_kind.sum()):,} of {len(of_kind):,}", va="center", fontsize=8)
    axes.set_yticks(range(len(found)), [kind.replace("_", " ") for kind in found])
    axes.set_xlim(0, 1.15)
    axes.set_xticks(np.linspace(0, 1, 6))
    axes.xaxis.set_major_formatter(_percent())
    return figure


def learning(history: Mapping[str, Sequence[float]], best: int) -> Figure:
    """Log loss by round, and the round at which the booster was cut."""
    figure, axes = _figure("Round", "Log loss", "Training")
    for (name, values), colour in zip(history.items(), _COLOURS, strict=False):
        axes.plot(range(1, len(values) + 1), values, color=colour, label=name)
    axes.axvline(best, color=_GREY, linestyle=":", label=f"cut at {best}")
    _legend_below(axes, columns=3)
    return figure


def png(figure: Figure) -> bytes:
    """The figure as PNG, laid out and drawn once; `Figure.savefig` lays out and draws twice."""
    out = io.BytesIO()
    FigureCanvasAgg(figure).print_png(out)  # type: ignore[no-untyped-call]
    return out.getvalue()


def _figure(x: str, y: str, title: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(6, 4.4), dpi=130, layout="constrained")
    axes = figure.subplots()
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_title(title, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    return figure, axes


def _styled(scores: Scores) -> Iterator[tuple[str, NDArray[np.floating], _Style]]:
    """Each ranking with a colour and dashes of its own, however many there are."""
    for place, (name, score) in enumerate(scores.items()):
        cycle, colour = divmod(place, len(_COLOURS))
        yield name, score, _Style(color=_COLOURS[colour], linestyle=_DASHES[cycle % len(_DASHES)])


def _sampled(ranking: Ranking, weights: Floats, values: Floats, grid: Floats) -> tuple[Floats, Floats]:
    """(weight reviewed, sum of `values` found) along a grid of reviews; within a tie both grow in proportion."""
    reviewed = np.append(0.0, ranking.steps(weights))
    return grid, np.interp(grid, reviewed, np.append(0.0, ranking.steps(values)))


def _grid(total: float, least: float) -> Floats:
    """Reviews from the first claim to all of them: dense where a ranking begins, and over the whole range."""
    least = least if least > 0 else total / _POINTS
    return np.unique(np.concatenate([np.geomspace(least, total, _POINTS), np.linspace(least, total, _POINTS)]))


def _ones(fraud: NDArray[np.bool_], weights: Weights) -> Floats:
    return np.ones(len(fraud)) if weights is None else np.asarray(weights, dtype=np.float64)


def _with_interval(value: float, interval: Interval | None) -> str:
    return f"{value:.3f}" if interval is None else f"{value:.3f} ({interval.low:.3f} to {interval.high:.3f})"


def _percent() -> FuncFormatter:
    return FuncFormatter(lambda value, _: f"{value * 100:.3g} %")


def _legend_below(axes: Axes, *, columns: int = 2) -> None:
    """The legend under the axes: among the curves it would cover some."""
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=columns, fontsize=8, frameon=False)


def _thin(count: int) -> NDArray[np.intp]:
    """Places of at most `_POINTS` of `count` points, dense where the ranking begins."""
    if count <= _POINTS:
        return np.arange(count)
    return np.unique(np.geomspace(1, count, _POINTS).astype(int)) - 1
