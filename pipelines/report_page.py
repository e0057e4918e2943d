"""What the HTML reports share: their style, and small charts as inline SVG. No report loads anything."""

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

STYLE: Final = Markup("""
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent);
  background: light-dark(#ffffff, #17171b); color: light-dark(#1b1b1f, #e8e8ec); }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 76rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; line-height: 1.25; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
.table { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: .35rem .7rem .35rem 0; border-bottom: 1px solid var(--line);
  overflow-wrap: break-word; }
thead th { vertical-align: bottom; }
.numbers th, .numbers td { text-align: right; white-space: nowrap; }
.numbers thead th { white-space: normal; }
.numbers th:first-child, .numbers td:first-child { text-align: left; }
code { font-size: .92em; overflow-wrap: anywhere; }
small { color: light-dark(#55555f, #b4b4be); }
img { max-width: 100%; background: #fff; border-radius: 6px; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(30rem, 100%), 1fr)); gap: 1rem; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(22rem, 100%), 1fr)); gap: 1.2rem 1.6rem; }
figure { margin: 0; min-width: 0; } figcaption { font-size: .92em; overflow-wrap: anywhere; }
figcaption small { display: block; }
svg { display: block; width: 100%; height: 5.6rem; overflow: visible; }
svg .line { fill: none; stroke: light-dark(#1f5fa8, #8ab8f0); stroke-width: 2; }
svg .point { fill: light-dark(#1f5fa8, #8ab8f0); }
svg .limit { stroke: light-dark(#b3261e, #ff8a80); stroke-dasharray: 5 3; }
svg .axis { stroke: currentColor; stroke-opacity: .35; }
svg text { fill: currentColor; font-size: 11px; }
.high, .critical, .alarm { font-weight: 600; color: light-dark(#b3261e, #ff8a80); }
.warning { color: light-dark(#8a5a00, #ffc46b); font-weight: 600; }
.passed { color: light-dark(#1b6e3c, #7ddc9f); font-weight: 600; }
""")
"""Of every report: tables scroll in their own box, numbers are aligned, colours have contrast in light and dark."""

_WIDTH, _HEIGHT = 320.0, 88.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 40.0, 316.0, 8.0, 70.0


def day_chart(
    title: str, days: Sequence[str], values: Sequence[float | None], *, limit: float | None = None, note: str = ""
) -> Markup:
    """A figure of one value by day, with a line at its limit; `days` as ISO dates, a missing value interrupts the line.

    The axis begins at 0. `note` stands beside the title.
    """
    known = [value for value in values if value is not None]
    top = max([*known, *([] if limit is None else [limit]), 1e-9])
    steps = max(len(days) - 1, 1)
    runs: list[list[tuple[float, float]]] = [[]]
    for number, value in enumerate(values):
        if value is None:
            runs.append([])
            continue
        across = _LEFT + (_RIGHT - _LEFT) * number / steps
        runs[-1].append((round(across, 1), round(_down(value, top), 1)))
    drawn = Markup("").join(_run(run) for run in runs if run)
    last = f"last {_short(known[-1])}, highest {_short(max(known))}" if known else "no values"
    bound = Markup("")
    if limit is not None:
        y = round(_down(limit, top), 1)
        bound = Markup('<line class="limit" x1="{0}" x2="{1}" y1="{2}" y2="{2}"/>').format(_LEFT, _RIGHT, y)
    summary = f"{title}, {days[0]} to {days[-1]}: {last}" if days else f"{title}: {last}"
    return Markup(
        "<figure><figcaption><strong>{title}</strong> <small>{last}{note}</small></figcaption>"
        '<svg viewBox="0 0 {w:g} {h:g}" role="img" aria-label="{summary}">'
        '<line class="axis" x1="{x1:g}" x2="{x2:g}" y1="{y:g}" y2="{y:g}"/>'
        '<text x="{edge:g}" y="{high:g}" text-anchor="end">{top}</text>'
        '<text x="{edge:g}" y="{low:g}" text-anchor="end">0</text>'
        "{bound}{drawn}"
        '<text x="{x1:g}" y="86">{first}</text><text x="{x2:g}" y="86" text-anchor="end">{final}</text>'
        "</svg></figure>"
    ).format(
        title=title,
        last=last,
        note=f"; {note}" if note else "",
        w=_WIDTH,
        h=_HEIGHT,
        summary=summary,
        x1=_LEFT,
        x2=_RIGHT,
        y=_BOTTOM,
        edge=_LEFT - 5,
        high=_TOP + 8,
        low=_BOTTOM,
        top=_short(top),
        bound=bound,
        drawn=drawn,
        first=days[0] if days else "",
        final=days[-1] if len(days) > 1 else "",
    )


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _down(value: float, top: float) -> float:
    return _BOTTOM - (_BOTTOM - _TOP) * value / top


def _run(points: Sequence[tuple[float, float]]) -> Markup:
    if len(points) == 1:
        return Markup('<circle class="point" cx="{}" cy="{}" r="3"/>').format(*points[0])
    return Markup('<polyline class="line" points="{}"/>').format(" ".join(f"{x:g},{y:g}" for x, y in points))
