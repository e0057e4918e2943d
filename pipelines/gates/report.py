"""The report of a gate: one HTML page without external resources, kept in MLflow with the run it stopped."""

from collections.abc import Mapping

from jinja2 import Environment

from core import clock
from pipelines.gates.outcome import ColumnCheck, GateResult

_PAGE = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Gate: {{ result.gate }}</title>
<style>
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent); }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 68rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid var(--line); }
code { font-size: .92em; }
.critical { color: light-dark(#b3261e, #ff8a80); font-weight: 600; }
.warning { color: light-dark(#8a5a00, #ffc46b); font-weight: 600; }
.passed { color: light-dark(#1b6e3c, #7ddc9f); font-weight: 600; }
</style>
</head>
<body>
<h1>Gate on {{ result.gate }}:
{% if result.success %}<span class="passed">passed</span>{% else %}<span class="critical">refused</span>{% endif %}</h1>
<p>{{ "{:,}".format(result.rows) }} rows, {{ checks | length }} checks in {{ result.seconds }} s,
{{ at.strftime("%Y-%m-%d %H:%M UTC") }}.
Texts are shown by their pattern only: letters as a or A, digits as 9.</p>
{% if result.findings %}
<h2>Findings</h2>
<table>
<tr><th>Severity</th><th>Column</th><th>Expectation</th><th>Found</th><th>Example rows</th><th>Why it matters</th></tr>
{% for finding in result.findings %}
<tr><td class="{{ finding.severity }}">{{ finding.severity }}</td><td><code>{{ finding.column or "batch" }}</code></td>
<td><code>{{ finding.expectation }}</code><br>{{ finding.check }}</td><td>{{ finding.observed }}</td>
<td>{% for sample in finding.samples %}<code>{{ sample.row }}</code>: {{ sample.value }}<br>{% endfor %}</td>
<td>{{ finding.why }}</td></tr>
{% endfor %}
</table>
{% endif %}
<h2>Checks</h2>
<table>
<tr><th>Check</th><th>Column</th><th>Expectation</th><th>Outcome</th></tr>
{% for name, check in checks.items() %}
<tr><td>{{ name }}</td><td><code>{{ check.column or "batch" }}</code></td>
<td><code>{{ check.expectation }}</code>
{% for key, value in check.arguments.items() if key not in ("column", "column_A", "column_B") %}
{{ key }} = {{ value }}{{ ", " if not loop.last }}{% endfor %}</td>
<td>{% if name in result.passed %}<span class="passed">passed</span>
{% elif name in skipped %}skipped: {{ skipped[name] }}
{% elif name in found %}<span class="{{ found[name] }}">failed</span>{% else %}not run{% endif %}</td></tr>
{% endfor %}
</table>
</body>
</html>
""")


def write_report(result: GateResult, checks: Mapping[str, ColumnCheck]) -> None:
    """Write the page to `result.report`."""
    found = {finding.check: finding.severity for finding in result.findings}
    skipped = {entry.check: entry.reason for entry in result.skipped}
    result.report.parent.mkdir(parents=True, exist_ok=True)
    page = _PAGE.render(result=result, checks=checks, found=found, skipped=skipped, at=clock.now())
    result.report.write_text(page, "utf-8")
