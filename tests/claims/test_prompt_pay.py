"""Due dates and interest of late payments, by rules that are data."""

from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claims.prompt_pay import (
    PromptPayClock,
    PromptPayRuleError,
    PromptPayState,
    packaged_rules,
    read_rules,
)

RULES = packaged_rules()
RECEIVED = date(2026, 3, 2)
RULE = """
[[rules]]
line_of_business = "commercial"
state = "NY"
received_from = 2020-01-01
days = 30
cites = "law"
rates = [{ from = 2020-01-01, percent = "12", cites = "law" }]
"""
days = st.dates(date(2020, 1, 1), date(2035, 12, 31))


@pytest.mark.parametrize(
    ("line", "state", "due"),
    [
        ("medicare", "NY", date(2026, 4, 1)),
        ("medicare", None, date(2026, 4, 1)),
        ("commercial", "NY", date(2026, 4, 1)),
        ("commercial", "IL", date(2026, 4, 1)),
        ("commercial", "TX", None),
        ("commercial", None, None),
        ("medicaid", "NY", None),
        (None, "NY", None),
    ],
)
def test_the_due_date_follows_line_of_business_and_state(line, state, due):
    assert RULES.due_on(line, state, RECEIVED) == due


def test_every_packaged_rule_and_rate_cites_its_source():
    for rule in RULES:
        assert rule.cites
        assert all(rate.cites for rate in rule.rates)


@pytest.mark.parametrize(
    ("line", "state", "amount", "late", "owed"),
    [
        # 1,000.00 × 12 % × 10 days ÷ 365 = 3.2877
        ("commercial", "NY", 1_000_00, 10, 3_29),
        # 0.33 a day: below 2.00 nothing is owed in New York, below 1.00 in Illinois
        ("commercial", "NY", 1_000_00, 6, 0),
        ("commercial", "NY", 1_000_00, 7, 2_30),
        ("commercial", "IL", 1_000_00, 4, 0),
        ("commercial", "IL", 1_000_00, 5, 1_23),
        ("commercial", "NY", 1_000_00, 0, 0),
        ("commercial", "NY", 1_000_00, -5, 0),
    ],
)
def test_interest_is_simple_and_small_interest_is_not_owed(line, state, amount, late, owed):
    rule = RULES.rule_for(line, state, RECEIVED)
    due = rule.due_on(RECEIVED)
    assert rule.interest_cents(amount, due, due + timedelta(days=late)) == owed


def test_interest_of_medicare_has_the_rate_of_the_day_of_payment():
    rule = RULES.rule_for("medicare", None, date(2024, 11, 1))
    due = rule.due_on(date(2024, 11, 1))
    # 10,000.00 × 4.875 % × 30 ÷ 366 (2024 is a leap year), and × 4.625 % × 31 ÷ 365 a day later
    assert rule.interest_cents(10_000_00, due, date(2024, 12, 31)) == 39_96
    assert rule.interest_cents(10_000_00, due, date(2025, 1, 1)) == 39_28


@given(
    amount=st.integers(0, 10_000_000_00), received=days, late=st.integers(-40, 2_000), rule=st.sampled_from(list(RULES))
)
def test_interest_is_exact_to_half_a_cent_and_never_negative(amount, received, late, rule):
    due = rule.due_on(received)
    paid = due + timedelta(days=late)
    owed = rule.interest_cents(amount, due, paid)
    year = 366 if (paid.replace(month=12, day=31) - paid.replace(month=1, day=1)).days == 365 else 365
    exact = Fraction(amount * rule.rate_on(paid).millionths_per_year * max(late, 0), 1_000_000 * year)
    if owed == 0:
        assert exact < max(rule.least_interest_cents, 1)
    else:
        assert abs(owed - exact) <= Fraction(1, 2)
        assert owed >= rule.least_interest_cents


@given(amount=st.integers(0, 10_000_000_00), more=st.integers(0, 1_000_00), late=st.integers(1, 300))
def test_interest_never_falls_with_the_amount_or_with_another_day_of_the_year(amount, more, late):
    rule = RULES.rule_for("commercial", "NY", RECEIVED)
    due = date(2026, 1, 1)
    owed = rule.interest_cents(amount, due, due + timedelta(days=late))
    assert rule.interest_cents(amount + more, due, due + timedelta(days=late)) >= owed
    assert rule.interest_cents(amount, due, due + timedelta(days=late + 1)) >= owed


@pytest.mark.parametrize(
    ("left", "state"),
    [
        (6, PromptPayState.ON_TIME),
        (5, PromptPayState.DUE_SOON),
        (0, PromptPayState.DUE_SOON),
        (-1, PromptPayState.OVERDUE),
    ],
)
def test_the_clock_says_how_many_days_are_left(left, state):
    clock = PromptPayClock(RULES, alarm_days=5)
    today = date(2026, 4, 1) - timedelta(days=left)
    status = clock.status("commercial", "NY", received_on=RECEIVED, payable_cents=36_500_00, today=today)
    assert (status.due_on, status.days_left, status.state) == (date(2026, 4, 1), left, state)
    assert status.interest_cents == (12_00 if left == -1 else 0)
    assert clock.alarm_day(today) == today + timedelta(days=5)


def test_a_rate_that_is_not_published_yet_is_said_to_be_the_newest_one():
    clock = PromptPayClock(RULES, alarm_days=5)
    known, later = (
        clock.status("medicare", None, received_on=date(2025, 4, 1), payable_cents=1, today=today)
        for today in (date(2025, 6, 30), date(2025, 7, 1))
    )
    assert (known.rate_published, later.rate_published) == (True, False)
    assert later.rule.rate_on(date(2025, 7, 1)).percent == 4.625


def test_a_claim_without_a_rule_has_no_clock():
    assert PromptPayClock(RULES, 5).status(None, None, received_on=RECEIVED, payable_cents=1, today=RECEIVED) is None


def test_a_later_rule_is_for_later_receipts():
    rules = read_rules(
        RULE.replace("days = 30", "received_through = 2025-12-31\ndays = 30")
        + RULE.replace("2020-01-01", "2026-01-01", 1).replace("days = 30", "days = 15")
    )
    assert rules.due_on("commercial", "NY", date(2025, 12, 31)) == date(2026, 1, 30)
    assert rules.due_on("commercial", "NY", date(2026, 1, 1)) == date(2026, 1, 16)
    assert rules.due_on("commercial", "NY", date(2019, 12, 31)) is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("x = ", "is not TOML"),
        ("", "must consist of"),
        ("rules = [1]", "rule 1: must be a table"),
        (RULE + "more = 1", "rule 1: more is not a field"),
        (RULE.replace("commercial", "comm"), "line_of_business must be one of commercial"),
        (RULE.replace('"NY"', '"Ny"'), "state must be two capital letters"),
        (RULE.replace("days = 30", "days = 0"), "days must be a whole number from 1 to 365"),
        (RULE.replace("days = 30", "days = true"), "days must be a whole number"),
        (RULE.replace("received_from = 2020-01-01", 'received_from = "2020-01-01"'), "received_from must be a day"),
        (RULE.replace("days = 30", "received_through = 2019-01-01\ndays = 30"), "received_through must not be before"),
        (RULE.replace("days = 30", "least_interest = 2\ndays = 30"), "least_interest must be an amount in quotes"),
        (RULE.replace('"12"', '"x"'), "percent must be a number in quotes"),
        (RULE.replace('"12"', '"101"'), "percent must be"),
        (RULE.replace('"12"', '"NaN"'), "percent must be"),
        (RULE.replace('"12"', '"1e9"'), "percent must be"),
        (RULE.replace('"12"', '"4.00001"'), "percent must be"),
        (RULE.replace('"12", cites = "law"', '"12"'), "cites must be a text"),
        (
            RULE.replace("rates = [", 'rates = [{ from = 2021-01-01, percent = "9", cites = "x" }, '),
            "has two rates for",
        ),
        (RULE + RULE, "commercial, NY: two rules are for claims received on 2020-01-01"),
    ],
)
def test_rules_that_cannot_be_right_are_refused_with_their_place(text, problem):
    with pytest.raises(PromptPayRuleError, match=problem):
        read_rules(text)
