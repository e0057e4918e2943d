"""The drift report as one HTML page without external resources."""

from jinja2 import Environment

from core.format import number, percent
from pipelines.drift.report import Drift

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Drift of {{ d.model }}</title>
<style>
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent); }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .3rem .7rem .3rem 0; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; }
.alarm { font-weight: 600; color: light-dark(#b3261e, #ff8a80); }
</style>
</head>
<body>
<h1>Drift of {{ d.model }} on {{ d.dataset }}</h1>
<p>Each day against {{ d.reference[0] }} to {{ d.reference[1] }}.
{% if d.raised %}<span class="alarm">{{ d.raised | length }} alarms.</span>{% else %}No alarm.{% endif %}</p>
{% if d.raised %}<ul>{% for cause in d.raised %}<li>{{ cause.text() }}
{% if cause.alarms | length > 1 %}<ul>{% for alarm in cause.alarms %}<li>{{ alarm.text() }}</li>{% endfor %}</ul>
{% endif %}</li>{% endfor %}</ul>{% endif %}
{% if d.since_training %}<p>Furthest from the training set, all these days together (stability index; above 0.25 the
population changed, which a single day need not show):
{% for name, value in d.furthest() %}{{ name }} {{ value | number }}{{ ", " if not loop.last }}{% endfor %}.</p>
{% endif %}
{% if d.not_compared %}<p>Not compared with the training set, whose profile does not have them:
{{ d.not_compared | join(", ") }}.</p>
{% endif %}
<table>
<tr><th>Day</th><th>Claims</th><th>Over usual</th><th>Score stability</th><th>Mean score</th><th>Flagged</th>
<th>Labels known</th><th>Fraud share</th><th>Days to label</th><th>Frauds over expected</th><th>Widest column</th></tr>
{% for day in d.days %}
<tr><td{% if day.alarms %} class="alarm"{% endif %}>{{ day.day }}</td><td>{{ day.claims }}</td>
<td>{{ day.volume_ratio | number }}</td><td>{{ day.score_stability | number }}</td>
<td>{{ day.mean_score | percent }}</td><td>{{ day.flagged | percent }}</td>
<td>{{ day.labels }}</td><td>{{ day.fraud_share | percent }}</td>
<td>{{ day.label_delay | number }}</td><td>{{ day.calibration_ratio | number }}</td>
<td>{% if day.stability %}{% set widest = day.stability.items() | sort(attribute=1) | last %}
{{ widest[0] }} {{ widest[1] | number }}{% endif %}</td></tr>
{% endfor %}
</table>
</body>
</html>
"""


def render(drift: Drift) -> str:
    """Render the page."""
    environment = Environment(autoescape=True, trim_blocks=True)
    environment.filters.update(number=number, percent=percent)
    return environment.from_string(_PAGE).render(d=drift)
