"""The evaluation as one HTML page without external resources."""

import json
from collections.abc import Mapping
from math import isfinite
from pathlib import Path

from jinja2 import Environment
from markupsafe import Markup

from core import clock
from core.format import NOT_AVAILABLE, money, number, percent
from models.calibration import LEVEL
from models.evaluation import Interval
from pipelines.evaluate.evaluation import EvaluatedModel
from pipelines.formatting import interval
from pipelines.report_page import STYLE

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Evaluation of {{ model }}</title>
<style>{{ style }}</style>
</head>
<body><main>
<h1>Evaluation of {{ model }} on {{ dataset }}</h1>
<p>{{ "{:,}".format(e.claims) }} claims received {{ e.window.first }} to {{ e.window.until }}, {{ e.frauds }} of them
fraud (base rate {{ e.base_rate | percent }}). {{ split }}. The model is of the family {{ family }}.
K = {{ e.reviews.in_window | number }} claims: {{ e.reviews.a_week | number }} reviews a week.
Intervals are 95 %, from a bootstrap over providers. {{ at.strftime("%Y-%m-%d %H:%M UTC") }}.</p>
{% if shadow_only %}<p class="high">This model has no exact reasons. It serves in shadow only: it scores beside the
champion (<code>ginja model trial start</code>) and cannot be promoted.</p>{% endif %}
<h2>Compared with the baselines, on the same claims</h2>
<div class="table numbers" tabindex="0" role="region" aria-label="Comparison with the baselines"><table>
<thead><tr><th scope="col">Model or baseline</th><th scope="col">Average precision</th><th scope="col">AUC</th>
<th scope="col">Precision at K</th><th scope="col">Dollars at K</th>
<th scope="col">Precision at 1 %</th><th scope="col">Brier</th><th scope="col">Calibration error</th>
<th scope="col">Lead of the model in AP</th></tr></thead><tbody>
{% for name, w in e.rankings.items() %}
<tr><td>{{ name }}</td><td>{{ w.ap | stacked }}</td><td>{{ w.auc | stacked }}</td>
<td>{{ w.precision_at_k | stacked }}</td><td>{{ w.dollars_at_k | stacked }}</td>
<td>{{ w.precision_at_1_percent | percent }}</td>
<td>{{ w.brier | stacked }}</td>
<td>{{ w.calibration_error | stacked }}</td>
<td>{{ e.ap_lead[name] | stacked if name in e.ap_lead else "" }}</td></tr>
{% endfor %}
</tbody></table></div>
<p>In the {{ e.rule.reviews | number }} reviews that the 2× rule requires, the rule finds
{{ e.rule.rule_cents | money }} of fraud and the model {{ e.rule.model_cents | money
}}{% if e.rule.rule_cents %}: {{ e.rule.ratio | interval }} times as much{% endif %}.</p>
{% if by_money %}<h2>Ranked by money</h2>
<p>Share of the fraudulent amounts in the first claims of each ranking, and the lead of expected recovery
(probability of fraud × recoverable amount) on the same bootstrap draws. It orders lists; it decides no claim.</p>
<div class="table numbers" tabindex="0" role="region" aria-label="Ranked by money"><table>
<thead><tr><th scope="col">Ranking</th>{% for k in by_money %}<th scope="col">Dollars at {{ k_name(k) }}</th>
<th scope="col">Lead</th>{% endfor %}</tr></thead><tbody>
{% for name in by_money["k"] %}
<tr><td>{{ name }}</td>{% for k in by_money.values() %}<td>{{ k[name].dollars | percent }}</td>
<td>{{ k[name].lead | interval if k[name].lead else "" }}</td>{% endfor %}</tr>
{% endfor %}
</tbody></table></div>{% endif %}
{% if pictures %}<h2>Charts</h2>
<div class="pictures">{% for name, data in pictures.items() %}
<img alt="{{ name }}" src="data:image/png;base64,{{ data }}">{% endfor %}</div>{% endif %}
<h2>At the threshold of {{ e.threshold.threshold | number }}</h2>
<p>{{ e.threshold.alerts_a_day | number }} alerts a day ({{ e.threshold.alerts_a_day_low | number }} to
{{ e.threshold.alerts_a_day_high | number }}), of which {{ e.threshold.precision | percent }} are fraud;
finds {{ e.threshold.recall | percent }} of the fraud;
flags {{ e.threshold.false_positive_rate | percent }} of clean claims.</p>
{% if e.kinds %}<h2>By kind of fraud</h2>
<div class="table numbers" tabindex="0" role="region" aria-label="By kind of fraud"><table>
<thead><tr><th scope="col">Kind</th><th scope="col">Claims</th><th scope="col">Found at K</th>
<th scope="col">Found at the threshold</th><th scope="col">Dollars at the threshold</th>
<th scope="col">Flagged by the rule</th>{% for name in e.rankings if name != "model" %}
<th scope="col">At K: {{ name }}</th>{% endfor %}</tr></thead><tbody>
{% for kind, k in e.kinds.items() %}
<tr><td>{{ kind.replace("_", " ") }}</td><td>{{ k.claims }}</td>
<td>{{ k.recall_at_k | percent }}
<small>{{ k.recall_at_k_low | percent }} to {{ k.recall_at_k_high | percent }}</small></td>
<td>{{ k.recall_at_threshold | percent }}</td><td>{{ k.dollars_at_threshold | percent }}</td>
<td>{{ k.recall_rule | percent }}</td>
{% for name in e.rankings if name != "model" %}<td>{{ k.recall_at_k_of[name] | percent }}</td>{% endfor %}</tr>
{% endfor %}
</tbody></table></div>{% endif %}
<h2>Providers not seen in training</h2>
<p>{{ e.unseen_providers.claims }} claims of {{ e.unseen_providers.providers }} providers,
{{ e.unseen_providers.frauds }}
fraud; average precision {{ e.unseen_providers.ap | interval }}
(2× rule {{ e.unseen_providers.ap_rule | interval }}).</p>
<h2>False positives by group</h2>
<div class="table numbers" tabindex="0" role="region" aria-label="False positives by group"><table>
<thead><tr><th scope="col">Group</th><th scope="col">Clean claims</th><th scope="col">Flagged</th>
<th scope="col">Times the overall rate</th></tr></thead><tbody>
{% for row in e.group_false_positives %}
<tr><td>{{ row.group }}: {{ row.value }}</td><td>{{ "{:,}".format(row.clean_claims) }}</td>
<td>{{ row.false_positive_rate | percent }} <small>{{ row.low | percent }} to {{ row.high | percent }}</small></td>
<td{% if row.low > e.threshold.false_positive_rate %} class="high"{% endif %}>
{{ row.times_overall | number }}</td></tr>{% endfor %}
</tbody></table></div>
<h2>Calibration</h2>
{% if certainty %}<p>The small figures of what is expected are its {{ level | percent }} interval: how certain the
model's calibration is{% if frauds is not none %}, which rests on {{ frauds }} frauds{% endif %}.</p>{% endif %}
<div class="table numbers" tabindex="0" role="region" aria-label="Calibration"><table>
<thead><tr><th scope="col">Expected</th><th scope="col">Observed</th><th scope="col">Claims</th></tr></thead><tbody>
{% for bin in e.calibration %}
<tr><td>{{ bin.expected | percent }}{% if certainty %}
<small>{{ certainty[loop.index0][0] | percent }} to {{ certainty[loop.index0][1] | percent }}</small>{% endif %}</td>
<td>{{ bin.observed | percent }} <small>{{ bin.low | percent }} to {{ bin.high | percent }}</small></td>
<td>{{ bin.claims | number }}</td></tr>
{% endfor %}
</tbody></table></div>
</main></body>
</html>
"""


def render(evaluated: EvaluatedModel, *, pictures: Mapping[str, str] | None = None) -> str:
    """Render the page; `pictures` are PNG images in base64 by title."""
    environment = Environment(autoescape=True, trim_blocks=True)
    environment.filters.update(number=number, percent=percent, interval=interval, stacked=_stacked, money=money)
    return environment.from_string(_PAGE).render(
        dataset=evaluated.dataset,
        model=evaluated.model,
        split=evaluated.split,
        family=evaluated.family,
        shadow_only=evaluated.shadow_only,
        style=STYLE,
        e=evaluated.metrics,
        by_money=evaluated.by_money,
        certainty=evaluated.certainty(),
        frauds=None if evaluated.calibrator is None else evaluated.calibrator.frauds,
        level=LEVEL,
        k_name=lambda k: "K" if k == "k" else percent(float(k)),
        pictures=pictures or {},
        at=clock.now(),
    )


def _stacked(value: Interval | None) -> str:
    """A value above its interval, so that a table of many fits the page."""
    if value is None:
        return NOT_AVAILABLE
    ends = f"{number(value.low)} to {number(value.high)}"
    return Markup("{}<br><small>{}</small>").format(number(value.value), ends)


def summary(evaluated: EvaluatedModel) -> str:
    """The main metrics with their intervals, as Markdown."""
    metrics = evaluated.metrics
    values = {
        "average precision": metrics.model.ap,
        "AUC": metrics.model.auc,
        "average precision on providers not seen in training": metrics.unseen_providers.ap,
        "fraudulent amount found, times that of the 2× rule": metrics.rule.ratio,
    }
    header = (
        f"{evaluated.model} on {metrics.claims:,} claims of {evaluated.dataset}, {metrics.window.first} to "
        f"{metrics.window.until}, {metrics.frauds:,} of them fraud (95 % intervals):"
    )
    known = {name: value for name, value in values.items() if isfinite(value.value)}
    return "\n".join([header, "", *(f"- {name} {interval(value)}" for name, value in known.items())])


def save(folder: Path, evaluated: EvaluatedModel, html: str) -> Path:
    """Save an evaluation as JSON and as a page in `folder`; returns the path of the page."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "evaluation.json").write_text(json.dumps(evaluated.as_json(), indent=1))
    page = folder / "evaluation.html"
    page.write_text(html)
    return page
