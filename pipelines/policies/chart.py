"""Chart of a replay: decisions and reviews by both policies, the findings that differ, and the groups affected."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pipelines.policies.replay import AffectedGroup, PolicyReplay

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_BARS: Final = 12
"""Findings, and groups, that are drawn: those with the largest differences."""
_BEFORE, _AFTER = "#9a9aa5", "#1b6e3c"
_LONGEST_LABEL: Final = 36
_LEAST_ROWS: Final = 4


def most_affected(found: PolicyReplay, most: int = MOST_BARS) -> list[AffectedGroup]:
    """The groups whose share in review changes most."""
    changed = sorted((one for one in found.groups if one.changed), key=lambda one: -abs(one.added_share))
    return changed[:most]


def draw_replay(found: PolicyReplay, names: tuple[str, str], path: Path) -> None:
    """Write the chart to `path`, as SVG or PNG by its suffix; `names` are those of the policies, before and after; of a
    file the last part is shown."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    findings = sorted(found.findings, key=lambda one: -abs(one.after - one.before))[:MOST_BARS]
    groups = most_affected(found)
    height = 2.2 + 0.3 * max(len(findings), len(groups), _LEAST_ROWS)
    with plt.rc_context({"font.size": 9, "svg.hashsalt": "ginja", "svg.fonttype": "none", "axes.spines.top": False,
                         "axes.spines.right": False, "font.family": "sans-serif"}):  # fmt: skip
        figure, (totals, by_finding, by_group) = plt.subplots(1, 3, figsize=(13, height), layout="constrained")
        old, new = found.before, found.after
        _bars(totals, "Decisions", ["approved", "in review", "rejected"],
              [old.approved, old.in_review, old.rejected], [new.approved, new.in_review, new.rejected])  # fmt: skip
        totals.set_xlabel(
            f"claims; reviews per week {old.reviews_per_week:,.1f} → {new.reviews_per_week:,.1f}\n"
            f"approved {old.approved_cents / 100:,.0f} → {new.approved_cents / 100:,.0f} dollars"
        )
        _bars(by_finding, "Findings that differ", [one.finding for one in findings],
              [one.before for one in findings], [one.after for one in findings])  # fmt: skip
        by_finding.set_xlabel("claims")
        _dumbbells(by_group, groups)
        figure.suptitle(
            f"{found.changed:,} of {found.claims:,} decisions change, {found.first_day} to {found.last_day}",
            x=0.01,
            ha="left",
            fontsize=11,
        )
        handles, _ = totals.get_legend_handles_labels()
        figure.legend(
            handles, [_short(Path(name).name) for name in names], loc="outside lower center", ncols=2, frameon=False
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=150, metadata={"Date": None} if path.suffix == ".svg" else None)
        plt.close(figure)


def _bars(axis: "Axes", title: str, labels: Sequence[str], before: Sequence[int], after: Sequence[int]) -> None:
    """Two bars for each label, the first label on top."""
    from matplotlib.ticker import MaxNLocator

    axis.set_title(title, loc="left", fontsize=10)
    if not labels:
        _nothing(axis)
        return
    rows = range(len(labels))
    for offset, colour, values in ((-0.2, _BEFORE, before), (0.2, _AFTER, after)):
        drawn = axis.barh([row + offset for row in rows], values, height=0.38, color=colour, label=colour)
        axis.bar_label(drawn, [f"{value:,}" for value in values], padding=3, fontsize=7)
    axis.set_yticks(list(rows), [_short(label) for label in labels])
    axis.set_ylim(max(len(labels), _LEAST_ROWS) - 0.5, -0.5)
    axis.margins(x=0.2)
    axis.xaxis.set_major_locator(MaxNLocator(4))
    axis.xaxis.set_major_formatter("{x:,.0f}")


def _dumbbells(axis: "Axes", groups: Sequence[AffectedGroup]) -> None:
    """The share in review of each group by both policies, joined by a line."""
    axis.set_title("Share in review, by group", loc="left", fontsize=10)
    if not groups:
        _nothing(axis)
        return
    rows = list(range(len(groups)))
    before, after = ([100 * share for share in shares] for shares in
                     ([one.reviewed_before for one in groups], [one.reviewed_after for one in groups]))  # fmt: skip
    axis.hlines(rows, before, after, color="#c9c9d1", lw=2, zorder=1)
    axis.scatter(before, rows, color=_BEFORE, s=22, zorder=2)
    axis.scatter(after, rows, color=_AFTER, s=22, zorder=2)
    axis.set_yticks(rows, [_short(f"{one.group} {one.value} ({one.claims:,})") for one in groups])
    axis.set_ylim(max(len(groups), _LEAST_ROWS) - 0.5, -0.5)
    axis.set_xlim(left=0)
    axis.set_xlabel("% of the group's claims in review")


def _nothing(axis: "Axes") -> None:
    axis.set_axis_off()
    axis.text(0.0, 0.9, "none", transform=axis.transAxes, color="#6b6b76")


def _short(label: str) -> str:
    text = label.replace("$", r"\$")  # a pair of them begins a formula
    return text if len(text) <= _LONGEST_LABEL else f"{text[: _LONGEST_LABEL - 1]}…"
