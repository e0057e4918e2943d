"""The clock of one claim: due date, days left, interest accruing."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from claims.prompt_pay.rules import PromptPayRule, PromptPayRules

REVIEW_TARGET_DAYS = 30
"""Days after receipt by which a claim without a clock takes its turn in the list of reviews."""


class PromptPayState(StrEnum):
    """Where a claim stands."""

    ON_TIME = "on_time"
    DUE_SOON = "due_soon"
    """At most the alarm's days are left."""
    OVERDUE = "overdue"


@dataclass(frozen=True, slots=True)
class PromptPayStatus:
    """The clock of a claim that is not decided, on one day."""

    rule: PromptPayRule
    due_on: date
    days_left: int
    """Negative once the due date has passed."""
    state: PromptPayState
    interest_cents: int
    """Owed if the amount were paid on that day."""
    rate_published: bool
    """Whether the rate of that day is in the rules; else the newest earlier one was used."""


@dataclass(frozen=True, slots=True)
class PromptPayClock:
    """The rules in force, and how many days before the due date the alarm sounds."""

    rules: PromptPayRules
    alarm_days: int

    def status(
        self,
        line_of_business: str | None,
        state_code: str | None,
        *,
        received_on: date,
        payable_cents: int,
        today: date,
    ) -> PromptPayStatus | None:
        """The clock of a claim in review on a day; `None`: no rule is for it."""
        rule = self.rules.rule_for(line_of_business, state_code, received_on)
        if rule is None:
            return None
        due_on = rule.due_on(received_on)
        left = (due_on - today).days
        return PromptPayStatus(
            rule=rule,
            due_on=due_on,
            days_left=left,
            state=self.state(left),
            interest_cents=rule.interest_cents(payable_cents, due_on, today),
            rate_published=rule.rate_on(today).known_on(today),
        )

    def state(self, days_left: int) -> PromptPayState:
        """Where a claim with so many days left stands."""
        if days_left < 0:
            return PromptPayState.OVERDUE
        return PromptPayState.DUE_SOON if days_left <= self.alarm_days else PromptPayState.ON_TIME

    def alarm_day(self, today: date) -> date:
        """The latest due date that raises the alarm today."""
        return today + timedelta(days=self.alarm_days)
