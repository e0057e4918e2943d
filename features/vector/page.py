"""The page of all features, `docs/reference/features.md`, from their declarations."""

import re

from claims.reason_groups import REASON_GROUPS
from features.declare import AGGREGATION_GROUPS, FEATURES, PLANS, PROVIDER_NETWORK_FIELDS, Feature
from features.vector.build import FEATURE_NAMES, columns_of, schema_hash

_INTRODUCTION = """# Features

Written by `ginja features docs` from the declarations in `features/declare/features`; edit those, not this page.

{count} features, in the order of the vector; SHA-256 of the names in that order: `{hash}`.

A window of *n* days is the *n* whole days (UTC) before the claim's day, and the claim's day up to just before the
claim. A missing value is NaN: there are no earlier claims, or too few for an estimate, or the rows could not be read.
*Greater* states what a greater value does to the risk, all else equal, where that is certain in the domain. In the
texts `{{value}}` is the value in its unit and `{{x.…}}` an input of the claim.

A voided claim no longer counts in numbers of claims and sums from its voiding (in history, from the next midnight).
That it was received remains a fact: distinct members and providers, first visits, active and busiest days, and times
since the last or first claim still include it ([ADR 0104](../adr/0104-how-voided-claims-count.md)). A finding counts
if it was in force at the midnight before the claim: once per claim, and not after it was reversed or withdrawn
([ADR 0103](../adr/0103-claims-count-by-current-finding.md)).

The sections are the groups of reasons (`claims/reason_groups.py`): the contributions of a group are added up.
*Evidence* compares the claim with a reference; a *prior* is known before the claim and is the same whatever the claim
states. Features of one *fact* measure the same comparison; it is stated once. In brackets: when a value may be stated
as raising / lowering the risk, where *typical* is the median over recent claims
([scoring](../concepts/scoring.md#reasons))."""
_KINDS = {"evidence": "Evidence.", "prior": "Prior."}
_MONOTONE = {1: "never lowers the risk", -1: "never raises the risk", None: "–"}

_AGREEING = re.compile(r"{[^{}]*:(s|were|have)}")
"""Endings and verbs that agree with a number; the page shows the plural."""


def reference_page() -> str:
    """Markdown, the same for the same declarations."""
    parts = [_INTRODUCTION.format(count=len(FEATURES), hash=schema_hash(FEATURE_NAMES))]
    for group in REASON_GROUPS.values():
        parts += ["", f"## {group.title}", "", f"{_KINDS[group.kind]} `{group.code}`: {group.meaning}", ""]
        parts.append("| feature | aggregation group | window | unit | meaning | greater | fact |")
        parts.append("|---|---|---|---|---|---|---|")
        parts += [_line(feature) for feature in FEATURES if feature.group == group.code]
    parts += ["", "## Columns each feature needs", "", "| feature | columns |", "|---|---|"]
    parts += [f"| `{f.name}` | {', '.join(f'`{c}`' for c in sorted(columns_of(f)))} |" for f in FEATURES]
    parts += ["", "## Aggregation groups", ""]
    parts += ["| group | key | history | today | meaning |", "|---|---|---|---|---|"]
    parts += [_group(group.name, group.meaning) for group in AGGREGATION_GROUPS]
    parts += ["", "## Fields of the weekly network row", "", "| field | meaning |", "|---|---|"]
    parts += [f"| `{name}` | {meaning} |" for name, meaning in PROVIDER_NETWORK_FIELDS.items()]
    return "\n".join(parts) + "\n"


def _line(feature: Feature) -> str:
    texts = [feature.raises]
    texts += [feature.lowers] * (feature.lowers != feature.raises)
    texts += [feature.missing] * bool(feature.missing)
    fact = _AGREEING.sub(r"\1", " / ".join(dict.fromkeys(texts)))
    return (
        f"| `{feature.name}` | {feature.aggregation_group} | {feature.window} | {feature.unit} | {feature.meaning} | "
        f"{_MONOTONE[feature.monotone]} | `{feature.code}`: {fact} "
        f"[{_side(feature, raising=True)} / {_side(feature, raising=False)}] |"
    )


def _side(feature: Feature, *, raising: bool) -> str:
    agrees = feature.agrees
    side = agrees.raises if raising else agrees.lowers
    high, low = ("typical", "typical") if agrees.high is None else (f"{agrees.high:g}", f"{agrees.low:g}")
    return {"above": f"above {high}", "below": f"below {low}", "apart": f"unlike {high}", "never": "never"}[side]


def _group(name: str, meaning: str) -> str:
    plan = PLANS[name]
    history = ", ".join(f"`{field.name}`" for field in plan.history.fields)
    today = "–" if plan.today is None else ", ".join(f"`{field.name}`" for field in plan.today.fields)
    return f"| {name} | {', '.join(f'`{key}`' for key in plan.keys)} | {history} | {today} | {meaning} |"
