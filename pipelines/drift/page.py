"""The drift report as one HTML page without external resources."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from math import isfinite, nan
from typing import Final

from jinja2 import Environment
from markupsafe import Markup

from core.format import counted, number, percent
from pipelines.drift.measures import DayMeasures
from pipelines.drift.report import Drift
from pipelines.report_page import STYLE, day_chart

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Drift of {{ d.model }}</title>
<style>{{ style }}</style>
</head>
<body><main>
<h1>Drift of {{ d.model }} on {{ d.dataset }}</h1>
<p>Each day against {{ d.reference[0] }} to {{ d.reference[1] }}.
{% if d.raised %}<span class="alarm">{{ d.raised | length }} alarms.</span>{% else %}No alarm.{% endif %}</p>
{% if d.raised %}<h2>Alarms</h2><ul>{% for cause in d.raised %}<li>{{ cause.text() }}
{% if cause.alarms | length > 1 %}<ul>{% for alarm in cause.alarms %}<li>{{ alarm.text() }}</li>{% endfor %}</ul>
{% endif %}</li>{% endfor %}</ul>{% endif %}
{% if d.since_training %}<h2>Since training</h2>
<p>Furthest from the training set, all these days together (stability index; above {{ mark }} the
population changed, which a single day need not show):
{% for name, value in d.furthest() %}{{ name }} {{ value | number }}{{ ", " if not loop.last }}{% endfor %}.</p>
{% endif %}
{% if d.not_compared %}<p>Not compared with the training set, whose profile does not have them:
{{ d.not_compared | join(", ") }}.</p>
{% endif %}
<h2>Over time</h2>
<div class="charts">
{% for chart in charts %}{{ chart }}
{% endfor %}</div>
<h2>Each feature and code</h2>
<p>Stability index of its values by day, those that moved most first; a day with too few claims has no value.
The dashed line is a fixed mark at {{ mark }} to read the charts by: what raises an alarm depends on the number of
claims and on the reference period, and is listed above.</p>
<div class="charts">
{% for chart in columns %}{{ chart }}
{% endfor %}</div>
<h2>Days</h2>
<div class="table numbers" tabindex="0" role="region" aria-label="Days"><table>
<thead><tr>{% for head in ("Day", "Claims", "Over usual", "Score stability", "Mean score", "Flagged", "Labels known",
"Fraud share", "Days to label", "Frauds over expected", "Widest column") %}<th scope="col">{{ head }}</th>{% endfor %}
</tr></thead><tbody>
{% for day in d.days %}
<tr><td{% if day.alarms %} class="alarm"{% endif %}>{{ day.day }}</td><td>{{ day.claims }}</td>
<td>{{ day.volume_ratio | number }}</td><td>{{ day.score_stability | number }}</td>
<td>{{ day.mean_score | percent }}</td><td>{{ day.flagged | percent }}</td>
<td>{{ day.labels }}</td><td>{{ day.fraud_share | percent }}</td>
<td>{{ day.label_delay | number }}</td><td>{{ day.calibration_ratio | number }}</td>
<td>{% if day.stability %}{% set widest = day.stability.items() | sort(attribute=1) | last %}
{{ widest[0] }} {{ widest[1] | number }}{% endif %}</td></tr>
{% endfor %}
</tbody></table></div>
</main></body>
</html>
"""


MARK: Final = 0.25
"""Stability index above which a population is commonly said to have changed."""
_OVER_TIME: Final[Sequence[tuple[str, Callable[[DayMeasures], float]]]] = (
    ("Claims over those usual for the weekday", lambda day: day.volume_ratio),
    ("Stability index of the score", lambda day: day.score_stability),
    ("Share flagged", lambda day: day.flagged),
    ("Labels that became known", lambda day: day.labels),
    ("Share of fraud among them", lambda day: day.fraud_share),
    ("Days from receipt to label", lambda day: day.label_delay),
    ("Frauds over those expected", lambda day: day.calibration_ratio),
)


def render(drift: Drift) -> str:
    """Render the page."""
    environment = Environment(autoescape=True, trim_blocks=True)
    environment.filters.update(number=number, percent=percent)
    return environment.from_string(_PAGE).render(
        d=drift,
        style=STYLE,
        mark=MARK,
        charts=[day_chart(title, *_by_day(drift, value)) for title, value in _OVER_TIME],
        columns=_column_charts(drift),
    )


def _by_day(drift: Drift, value: Callable[[DayMeasures], float]) -> tuple[list[str], list[float | None]]:
    values = [float(value(day)) for day in drift.days]
    return [day.day for day in drift.days], [one if isfinite(one) else None for one in values]


def _column_charts(drift: Drift) -> list[Markup]:
    """A chart for each column, the one with the highest value first; columns with an alarm say on how many days."""
    alarms = Counter(alarm.column for day in drift.days for alarm in day.alarms if alarm.column)
    drawn: dict[str, tuple[list[str], list[float | None]]] = {}
    highest: dict[str, float] = {}
    for name in dict.fromkeys(name for day in drift.days for name in day.stability):
        days, values = _by_day(drift, partial(_stability, name))
        drawn[name], highest[name] = (days, values), max((one for one in values if one is not None), default=-1.0)
    return [
        day_chart(
            name,
            *drawn[name],
            limit=MARK,
            note=f"alarm on {counted(alarms[name], 'day')}" if alarms[name] else "",
        )
        for name in sorted(drawn, key=lambda name: (-highest[name], name))
    ]


def _stability(name: str, day: DayMeasures) -> float:
    return day.stability.get(name, nan)
