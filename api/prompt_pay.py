"""The prompt-pay clock of this installation, and what a response says of a claim's."""

from datetime import date
from typing import Literal, Self

from pydantic import BaseModel, Field

from api.fields import AmountOut
from claims.prompt_pay import (
    PromptPayClock,
    PromptPayRuleError,
    PromptPayStatus,
    packaged_rules,
    read_rules,
)
from core.errors import SettingsError
from core.settings import Settings


def prompt_pay_clock(settings: Settings) -> PromptPayClock:
    """The rules of the settings' file, or the packaged ones. Raises `SettingsError`."""
    path = settings.prompt_pay_rules
    try:
        rules = packaged_rules() if path is None else read_rules(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"GINJA_PROMPT_PAY_RULES: {path} cannot be read: {error}.") from None
    except PromptPayRuleError as error:
        raise SettingsError(f"GINJA_PROMPT_PAY_RULES: {path}: {error}.") from None
    return PromptPayClock(rules, settings.prompt_pay_alarm_days)


class PromptPayOut(BaseModel):
    """The prompt-pay clock of a claim in review, on the day of the response."""

    line_of_business: Literal["commercial", "marketplace", "medicaid", "medicare"]
    state_code: str | None = Field(description="The state whose rule applies; null: a federal rule.")
    due_on: date = Field(description="The last day on which payment is not late.")
    days_left: int = Field(description="Until `due_on`; negative once it has passed.")
    state: Literal["on_time", "due_soon", "overdue"] = Field(
        description="`due_soon`: at most `GINJA_PROMPT_PAY_ALARM_DAYS` are left."
    )
    interest_amount: AmountOut = Field(description="Owed if the claim were paid in full today.")
    interest_percent: float = Field(description="Rate per year of a payment today.")
    rate_published: bool = Field(description="False: the rate of today is not in the rules; the newest one was used.")
    cites: str = Field(description="Source of the deadline.")

    @classmethod
    def of(cls, status: PromptPayStatus, today: date) -> Self:
        """A status as a response."""
        rule = status.rule
        return cls(
            line_of_business=rule.line_of_business.value,
            state_code=rule.state_code,
            due_on=status.due_on,
            days_left=status.days_left,
            state=status.state.value,
            interest_amount=status.interest_cents,
            interest_percent=rule.rate_on(today).percent,
            rate_published=status.rate_published,
            cites=rule.cites,
        )
