"""The lines of what was found. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from api.console.health.lines import HealthCondition, HealthLine, Runbook, duration, line
from api.console.health.queries import Backlog, HourByRule, RuleShare
from core.format import percent_to_1_decimal, utc_minute

RULE_SHARE: Final = 0.01
"""Share of claims decided by the rule from which it needs attention."""


@dataclass(frozen=True, slots=True)
class _Queue:
    """How a queue is shown, and what of it is normal."""

    title: str
    key: str
    runbook: Runbook
    within_s: float | None
    """Age of its oldest row up to which it is normal; `None`: nothing waits normally."""
    href: str = ""


_QUEUES: Final[Sequence[_Queue]] = (
    _Queue("Claims not yet in the online store", "features", Runbook.FEATURES, 30),
    _Queue("Claims to score again", "rescoring", Runbook.SCORING, 60),
    _Queue("Accepted claims to decide (tasks)", "claims tasks", Runbook.TASKS, 60),
    _Queue("Reports to make (tasks)", "reports tasks", Runbook.TASKS, 600),
    _Queue("Failed tasks", "failed tasks", Runbook.TASKS, None, "/console/tasks"),
    _Queue("Dead letters", "dead letters", Runbook.DATABASE, None, "/console/dead-letters"),
    _Queue("Webhooks to deliver", "webhooks", Runbook.WEBHOOKS, 60),
    _Queue("Disabled webhook endpoints", "disabled endpoints", Runbook.WEBHOOKS, None),
    _Queue("E-mails to send", "mails", Runbook.NOTIFICATIONS, 600),
    _Queue("Jobs of re-screening", "rescreening", Runbook.RESCREENING, 60),
    _Queue("Rows of the audit log without a seal", "audit", Runbook.AUDIT, 60),
)
"""The worker empties all of these but the tasks, so that each is also a sign that it works."""


@dataclass(frozen=True, slots=True)
class RuleHour:
    """An hour in which claims had no score."""

    hour: str
    assessments: int
    breaker_open: int
    cause: str


@dataclass(frozen=True, slots=True)
class HealthView:
    """The page."""

    at: str
    sections: Sequence[tuple[str, Sequence[HealthLine]]]
    hours: Sequence[RuleHour] | None
    """`None`: the database did not answer in time."""

    @property
    def attention(self) -> Sequence[HealthLine]:
        """The lines that are not normal, or not known."""
        return [one for _, lines in self.sections for one in lines if one.condition is not HealthCondition.NORMAL]


def queue_lines(found: Mapping[str, Backlog], now: datetime) -> list[HealthLine]:
    """A line for each queue."""
    return [_queue_line(one, found[one.key], now) for one in _QUEUES]


def rule_line(found: RuleShare) -> HealthLine:
    """The share of claims that the rule decided at receipt."""
    share = found.by_rule / found.claims if found.claims else 0.0
    since = "" if found.first_at is None else f", received since {utc_minute(found.first_at)}"
    text = f"{percent_to_1_decimal(share)} ({found.by_rule:,} of the latest {found.claims:,} claims{since})"
    return line(
        "Claims decided by the rule at receipt",
        text if found.claims else "no claim was decided yet",
        f"below {RULE_SHARE:.0%}",
        Runbook.SCORING,
        is_normal=share < RULE_SHARE,
    )


def features_line(stale: Mapping[str, int]) -> HealthLine:
    """The views that scores lacked."""
    named = ", ".join(f"{view} ({claims:,})" for view, claims in stale.items())
    return line(
        "Feature views that scores of the latest claims lacked",
        named or "none",
        "none",
        Runbook.FEATURES,
        is_normal=not stale,
    )


def expiring_keys_line(keys: int) -> HealthLine:
    """API keys that end soon."""
    found = f"{keys:,}"
    return line("API keys that expire within 30 days", found, "0: rotate them before", Runbook.KEYS, is_normal=not keys)


def hour_lines(found: Sequence[HourByRule]) -> list[RuleHour]:
    """The hours in which the rule decided."""
    return [
        RuleHour(utc_minute(one.hour), one.assessments, one.breaker_open, one.cause or "not stated") for one in found
    ]


def _queue_line(queue: _Queue, found: Backlog, now: datetime) -> HealthLine:
    age = 0.0 if found.oldest_at is None else max(0.0, (now - found.oldest_at).total_seconds())
    text = f"{found.waiting:,}"
    if found.oldest_at is not None:
        text += f", the oldest for {duration(age)}"
    if queue.within_s is None:
        return line(queue.title, text, "0", queue.runbook, is_normal=not found.waiting, href=queue.href)
    normal = f"the oldest for less than {duration(queue.within_s)}"
    return line(queue.title, text, normal, queue.runbook, is_normal=age < queue.within_s, href=queue.href)
