"""Claim edits and other findings of a claim over all its assessments, and the verdicts on it: pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydantic import JsonValue

from claims.outcome import Finding, Outcome
from core.format import counted, percent_to_1_decimal, utc_minute

_TABLE_OF_A_QUARTER: Final = re.compile(r"(?P<table>[a-z_]+) (?P<quarter>\d{4}Q\d) (?P<entry>.+)")


@dataclass(frozen=True, slots=True)
class FindingsAt:
    """The findings of one assessment, and the status of the claim that they led to."""

    made_at: datetime
    decided_by: str
    findings: Sequence[Finding]


@dataclass(frozen=True, slots=True)
class EditLine:
    """A finding with the table entry it was read from."""

    code: str
    line: str
    text: str
    table: str
    quarter: str
    entry: str
    found_at: str
    """When it was first found."""
    found_by: str
    """What decided then: the model or the rule."""
    state: str
    holds: bool
    """Whether it holds the claim in review now."""


@dataclass(frozen=True, slots=True)
class VerdictLine:
    """What one of the parts that look at a claim says of it."""

    by: str
    verdict: str
    flagged: bool | None
    detail: str


def claim_edits(history: Sequence[FindingsAt], status: str) -> list[EditLine]:
    """Every finding that any assessment made, oldest first: a later assessment does not erase an earlier finding.

    `history` is oldest first; `status` is the claim's now.
    """
    first: dict[tuple[str, int | None, str], FindingsAt] = {}
    last: dict[tuple[str, int | None, str], tuple[int, Finding]] = {}
    for place, one in enumerate(history):
        for finding in one.findings:
            key = (finding.code, finding.line, finding.cites)
            first.setdefault(key, one)
            last[key] = (place, finding)
    newest = len(history) - 1
    return [
        _edit_line(finding, first[key], in_latest=place == newest, status=status)
        for key, (place, finding) in last.items()
    ]


def reasons_for_review(edits: Sequence[EditLine]) -> list[EditLine]:
    """Those that hold the claim in review now."""
    return [one for one in edits if one.holds]


def edits_of_line(edits: Sequence[EditLine], line: int) -> list[EditLine]:
    """The findings about one line of the claim."""
    return [one for one in edits if one.line == str(line)]


def _edit_line(finding: Finding, first: FindingsAt, *, in_latest: bool, status: str) -> EditLine:
    holds = status == "in_review" and in_latest and not finding.superseded and finding.outcome is Outcome.IN_REVIEW
    if holds:
        state = "holds the claim"
    elif finding.superseded:
        state = "resolved by a later score"
    elif not in_latest:
        state = "of an earlier assessment"
    else:
        state = finding.outcome.value.replace("_", " ")
    table, quarter, entry = _source(finding.cites)
    return EditLine(
        code=finding.code,
        line="" if finding.line is None else str(finding.line),
        text=finding.text,
        table=table,
        quarter=quarter,
        entry=entry,
        found_at=utc_minute(first.made_at),
        found_by=first.decided_by,
        state=state,
        holds=holds,
    )


def _source(cites: str) -> tuple[str, str, str]:
    """Table, quarter and entry of what a finding cites, such as `mue 2026Q4 93797` or `procedures/P001 max_units`."""
    of_quarter = _TABLE_OF_A_QUARTER.fullmatch(cites)
    if of_quarter is not None:
        return of_quarter["table"], of_quarter["quarter"], of_quarter["entry"]
    table, slash, entry = cites.partition("/")
    return (table, "", entry) if slash else (cites, "", "")


def claim_verdicts(
    *,
    rule: Mapping[str, JsonValue] | None,
    model_version: str | None,
    probability: float | None,
    threshold: float | None,
    shadow: Mapping[str, JsonValue] | None,
    policy_version: int | None,
    policy_trace: Sequence[JsonValue] | None,
) -> list[VerdictLine]:
    """What the rule, the champion, the challenger and the policy said at the latest assessment."""
    lines = []
    if rule is not None:
        lines.append(_verdict("2× rule", rule.get("flagged") is True, str(rule.get("text", ""))))
    if probability is not None and threshold is not None:
        detail = f"{percent_to_1_decimal(probability)}, threshold {percent_to_1_decimal(threshold)}"
        lines.append(_verdict(f"Model {model_version}", probability >= threshold, detail))
    else:
        lines.append(VerdictLine("Model", "no score", None, ""))
    if shadow is not None:
        score = shadow.get("probability")
        detail = percent_to_1_decimal(score) if isinstance(score, int | float) else ""
        challenger = f"Challenger {shadow.get('model_version', '')}".strip()
        lines.append(_verdict(challenger, shadow.get("flagged") is True, f"{detail}; it decides nothing".lstrip("; ")))
    if policy_version is not None:
        name = "Policy of the settings" if policy_version == 0 else f"Policy version {policy_version}"
        held = _rules_that_held(policy_trace)
        verdict = f"{counted(len(held), 'rule')} held" if held else "no rule held"
        lines.append(VerdictLine(name, verdict, None, "; ".join(held)))
    return lines


def _verdict(by: str, flagged: bool, detail: str) -> VerdictLine:
    return VerdictLine(by, "flagged" if flagged else "not flagged", flagged, detail)


def _rules_that_held(trace: Sequence[JsonValue] | None) -> list[str]:
    held = []
    for one in trace or ():
        if isinstance(one, dict) and "rule" in one:
            observed = one.get("observed")
            values = ", ".join(f"{name} = {value}" for name, value in observed.items()) if observed else ""  # type: ignore[union-attr]
            held.append(f"{one['rule']}{f' ({values})' if values else ''}")
    return held
