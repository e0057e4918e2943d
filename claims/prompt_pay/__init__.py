"""Prompt pay: when a clean claim is due, the interest of a late payment, and the order of reviews that keeps the dates.

rules.toml     deadlines and interest rates by line of business and state, with validity days and sources
rules.py       these rules, read and looked up
clock.py       the due date of a claim, the days left, the interest in exact cents
simulation.py  breaches of a review team with a given capacity
"""

from claims.prompt_pay.clock import REVIEW_TARGET_DAYS, PromptPayClock, PromptPayState, PromptPayStatus
from claims.prompt_pay.rules import (
    InterestRate,
    LineOfBusiness,
    PromptPayRule,
    PromptPayRuleError,
    PromptPayRules,
    packaged_rules,
    read_rules,
)
from claims.prompt_pay.simulation import (
    ReviewArrival,
    ReviewWeeks,
    draw_arrivals,
    simulate_reviews,
    smallest_capacity,
)

__all__ = [
    "REVIEW_TARGET_DAYS",
    "InterestRate",
    "LineOfBusiness",
    "PromptPayClock",
    "PromptPayRule",
    "PromptPayRuleError",
    "PromptPayRules",
    "PromptPayState",
    "PromptPayStatus",
    "ReviewArrival",
    "ReviewWeeks",
    "draw_arrivals",
    "packaged_rules",
    "read_rules",
    "simulate_reviews",
    "smallest_capacity",
]
