"""The page of all features, `docs/features.md`, from their declarations."""

import re

from features.declared import FEATURES
from features.feature import Feature
from features.layout import PLANS
from features.vector import FEATURE_NAMES, columns_of, schema_hash
from features.views import ENTITIES
from features.views.network import PROVIDER_NETWORK_FIELDS

_GROUPS = {
    "claim_itself": "The claim itself",
    "amount_vs_peers": "The amount against peers",
    "provider_volume": "The provider's volume and mix",
    "impossible_day": "What fits into a day of service",
    "member_history": "The member's history",
    "pair": "Pairs",
    "plausibility": "Plausibility",
    "confirmed_history": "Confirmed and cleared before",
    "network": "The network",
    "data_quality": "What was not known",
}
_INTRODUCTION = """# Features

Written by `ginja features docs` from the declarations in `features/declared`; edit those, not this page.

{count} features, in the order of the vector; SHA-256 of the names in that order: `{hash}`.

A window of *n* days is the *n* whole days (UTC) before the claim's day, and the claim's day until just before it. A
missing value is missing (NaN): what was never seen, cannot be told from so few, or could not be read. *Greater* says
what a greater value does to the risk, everything else equal, where the domain is sure. In the texts `{{value}}` is the
value in its unit and `{{x.…}}` what is known of the claim.

A voided claim leaves counts of claims and sums from its voiding on (in history, from the next midnight). That it was
received stays a fact: distinct members and providers, first visits, active and busiest days, and times since the last
or the first claim keep it ([ADR 0104](adr/0104-what-a-voided-claim-still-counts-for.md)). A finding counts as it stood
at the midnight before the claim: once per claim, not after it was reversed or withdrawn
([ADR 0103](adr/0103-a-claim-counts-by-its-standing-finding.md))."""
_MONOTONE = {1: "never lowers the risk", -1: "never raises the risk", None: "–"}

_AGREEING = re.compile(r"{[^{}]*:(s|were|have)}")
"""Endings and verbs that go with a number; the page shows those of many."""


def page() -> str:
    """Markdown, the same for the same declarations."""
    parts = [_INTRODUCTION.format(count=len(FEATURES), hash=schema_hash(FEATURE_NAMES))]
    for group, title in _GROUPS.items():
        parts += ["", f"## {title}", "", "| feature | of | window | unit | meaning | greater | reason |"]
        parts.append("|---|---|---|---|---|---|---|")
        parts += [_line(feature) for feature in FEATURES if feature.group == group]
    parts += ["", "## What each needs of the claims", "", "| feature | columns |", "|---|---|"]
    parts += [f"| `{f.name}` | {', '.join(f'`{c}`' for c in sorted(columns_of(f)))} |" for f in FEATURES]
    parts += ["", "## What is kept of the past", ""]
    parts += ["| entity | key | history | today | meaning |", "|---|---|---|---|---|"]
    parts += [_entity(entity.name, entity.meaning) for entity in ENTITIES]
    parts += ["", "## The network's row", "", "| field | meaning |", "|---|---|"]
    parts += [f"| `{name}` | {meaning} |" for name, meaning in PROVIDER_NETWORK_FIELDS.items()]
    return "\n".join(parts) + "\n"


def _line(feature: Feature) -> str:
    texts = [feature.raises]
    texts += [feature.lowers] * (feature.lowers != feature.raises)
    texts += [feature.missing] * bool(feature.missing)
    reason = _AGREEING.sub(r"\1", " / ".join(dict.fromkeys(texts)))
    return (
        f"| `{feature.name}` | {feature.entity} | {feature.window} | {feature.unit} | {feature.meaning} | "
        f"{_MONOTONE[feature.monotone]} | `{feature.code}`: {reason} |"
    )


def _entity(name: str, meaning: str) -> str:
    plan = PLANS[name]
    history = ", ".join(f"`{field.name}`" for field in plan.standing.fields)
    today = "–" if plan.today is None else ", ".join(f"`{field.name}`" for field in plan.today.fields)
    return f"| {name} | {', '.join(f'`{key}`' for key in plan.keys)} | {history} | {today} | {meaning} |"
