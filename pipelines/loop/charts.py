"""Chart of the simulated year: amounts found, precision and calibration by month, one line per policy."""

from collections.abc import Callable
from pathlib import Path

from pipelines.loop.policy_comparison import MeanAndRange, MonthMetrics, PolicyComparison

_PANELS: tuple[tuple[Callable[[MonthMetrics], MeanAndRange], str, str], ...] = (
    (lambda month: month.dollars, "Fraudulent dollars found", "share of all"),
    (lambda month: month.precision, "Frauds among the reviews", "of 100 reviews"),
    (lambda month: month.calibration_error, "Calibration error", "percentage points"),
)
"""Metric, shown times 100, its title and its unit."""
_COLOURS = ("#1b6e3c", "#b3561e", "#6b6b76")


def draw_policies(found: PolicyComparison, path: Path) -> None:
    """Write the chart of the result of `compare_policies` to `path`, as SVG or PNG by its suffix."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    months = range(1, found.months + 1)
    with plt.rc_context({"font.size": 9, "svg.hashsalt": "ginja", "svg.fonttype": "none", "axes.spines.top": False,
                         "axes.spines.right": False, "font.family": "sans-serif"}):  # fmt: skip
        figure, axes = plt.subplots(1, len(_PANELS), figsize=(11, 3.4), layout="constrained")
        for axis, (metric, title, unit) in zip(axes, _PANELS, strict=True):
            for colour, (policy, one) in zip(_COLOURS, found.policies.items(), strict=True):
                by_month = [metric(month) for month in one.by_month]
                low, high = [month.minimum * 100 for month in by_month], [month.maximum * 100 for month in by_month]
                axis.fill_between(months, low, high, color=colour, alpha=0.10, linewidth=0)
                axis.plot(months, [month.mean * 100 for month in by_month], color=colour, label=policy, lw=1.8)
            axis.axvline(found.change_month - 0.5, color="#999999", lw=0.8, ls=(0, (3, 3)))
            axis.set_title(title, loc="left", fontsize=10)
            axis.set_ylabel(unit)
            axis.set_xlabel("month")
            axis.set_xticks(list(months)[:: max(1, len(months) // 6)])
            axis.set_ylim(bottom=0)
        axes[0].annotate(
            "two kinds end,\ntwo new ones begin",
            (found.change_month - 0.4, 0.97),
            xycoords=("data", "axes fraction"),
            va="top",
            fontsize=8,
            color="#666666",
        )
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=150, metadata={"Date": None} if path.suffix == ".svg" else None)
        plt.close(figure)
