"""The report of a gate: one HTML page without external resources, kept in MLflow with the run it stopped."""

from collections.abc import Mapping

from jinja2 import Environment

from core import clock
from pipelines.gates.outcome import ColumnCheck, GateResult
from pipelines.report_page import STYLE

_PAGE = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Gate: {{ result.gate }}</title>
<style>{{ style }}</style>
</head>
<body><main>
<h1>Gate on {{ result.gate }}:
{% if result.success %}<span class="passed">passed</span>{% else %}<span class="critical">refused</span>{% endif %}</h1>
<p>{{ "{:,}".format(result.rows) }} rows, {{ checks | length }} checks in {{ result.seconds }} s,
{{ at.strftime("%Y-%m-%d %H:%M UTC") }}.
Texts are shown by their pattern only: letters as a or A, digits as 9.</p>
{% if result.findings %}
<h2>Findings</h2>
<div class="table" tabindex="0" role="region" aria-label="Findings"><table>
<thead><tr><th scope="col">Severity</th><th scope="col">Column</th><th scope="col">Expectation</th>
<th scope="col">Found</th><th scope="col">Example rows</th><th scope="col">Why it matters</th></tr></thead><tbody>
{% for finding in result.findings %}
<tr><td class="{{ finding.severity }}">{{ finding.severity }}</td><td><code>{{ finding.column or "batch" }}</code></td>
<td><code>{{ finding.expectation }}</code><br>{{ finding.check }}</td><td>{{ finding.observed }}</td>
<td>{% for sample in finding.samples %}<code>{{ sample.row }}</code>: {{ sample.value }}<br>{% endfor %}</td>
<td>{{ finding.why }}</td></tr>
{% endfor %}
</tbody></table></div>
{% endif %}
<h2>Checks</h2>
<div class="table" tabindex="0" role="region" aria-label="Checks"><table>
<thead><tr><th scope="col">Check</th><th scope="col">Column</th><th scope="col">Expectation</th>
<th scope="col">Outcome</th></tr></thead><tbody>
{% for name, check in checks.items() %}
<tr><td>{{ name }}</td><td><code>{{ check.column or "batch" }}</code></td>
<td><code>{{ check.expectation }}</code>
{% for key, value in check.arguments.items() if key not in ("column", "column_A", "column_B") %}
{{ key }} = {{ value }}{{ ", " if not loop.last }}{% endfor %}</td>
<td>{% if name in result.passed %}<span class="passed">passed</span>
{% elif name in skipped %}skipped: {{ skipped[name] }}
{% elif name in found %}<span class="{{ found[name] }}">failed</span>{% else %}not run{% endif %}</td></tr>
{% endfor %}
</tbody></table></div>
</main></body>
</html>
""")


def write_report(result: GateResult, checks: Mapping[str, ColumnCheck]) -> None:
    """Write the page to `result.report`."""
    found = {finding.check: finding.severity for finding in result.findings}
    skipped = {entry.check: entry.reason for entry in result.skipped}
    result.report.parent.mkdir(parents=True, exist_ok=True)
    page = _PAGE.render(style=STYLE, result=result, checks=checks, found=found, skipped=skipped, at=clock.now())
    result.report.write_text(page, "utf-8")
