"""Prompt-pay rules as dated data: deadlines and interest rates by line of business and state."""

import tomllib
from calendar import isleap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from importlib.resources import files
from itertools import pairwise

from claims.money import MoneyError, parse_cents
from claims.toml_fields import TomlFields

_MILLION = 1_000_000
_MAX_DAYS = 365
_MAX_PERCENT = 100


class LineOfBusiness(StrEnum):
    """The kind of plan that a prompt-pay rule is for."""

    COMMERCIAL = "commercial"
    MARKETPLACE = "marketplace"
    MEDICAID = "medicaid"
    MEDICARE = "medicare"


class PromptPayRuleError(ValueError):
    """The rules cannot be read; the message names the rule and field, and says what is allowed."""


@dataclass(frozen=True, slots=True)
class InterestRate:
    """A rate of simple interest, for payments made from its first through its last day."""

    first_day: date
    last_day: date | None
    """None: no later rate is published."""
    millionths_per_year: int
    """4.625 % is 46,250."""
    cites: str

    @property
    def percent(self) -> float:
        """Percent per year."""
        return self.millionths_per_year * 100 / _MILLION

    def known_on(self, day: date) -> bool:
        """Whether the rate is published for payments of a day."""
        return self.first_day <= day and (self.last_day is None or day <= self.last_day)


@dataclass(frozen=True, slots=True)
class PromptPayRule:
    """The deadline and interest of one line of business in one state, for claims received in a period."""

    line_of_business: LineOfBusiness
    state_code: str | None
    """None: every state without a rule of its own."""
    received_from: date
    received_through: date | None
    """None: still in force."""
    days: int
    """Calendar days after the day of receipt."""
    least_interest_cents: int
    """Interest below it is not owed."""
    rates: tuple[InterestRate, ...]
    """By first day."""
    cites: str

    def holds_for(self, received_on: date) -> bool:
        """Whether the rule is for claims received on a day."""
        return self.received_from <= received_on and (
            self.received_through is None or received_on <= self.received_through
        )

    def due_on(self, received_on: date) -> date:
        """The last day on which payment is not late."""
        return received_on + timedelta(days=self.days)

    def rate_on(self, day: date) -> InterestRate:
        """The rate of payments made on a day: the newest that began by then, else the first."""
        return next((rate for rate in reversed(self.rates) if rate.first_day <= day), self.rates[0])

    def interest_cents(self, amount_cents: int, due_on: date, paid_on: date) -> int:
        """Simple interest on an amount paid after its due date, rounded half up to a cent; 0 if paid by then.

        Amount × rate on the day of payment × days after the due date ÷ 365, 366 in a leap year (CMS Medicare Claims
        Processing Manual, chapter 1, section 80.2.2).
        """
        days = (paid_on - due_on).days
        if days <= 0:
            return 0
        parts = _MILLION * (366 if isleap(paid_on.year) else 365)
        owed = (2 * amount_cents * self.rate_on(paid_on).millionths_per_year * days + parts) // (2 * parts)
        return owed if owed >= self.least_interest_cents else 0


class PromptPayRules:
    """Every rule, by line of business and state."""

    def __init__(self, rules: Sequence[PromptPayRule] = ()) -> None:
        """Raises `PromptPayRuleError` where two rules are for the same claims."""
        self._by_key: dict[tuple[str, str | None], list[PromptPayRule]] = {}
        for rule in sorted(rules, key=lambda one: one.received_from):
            same = self._by_key.setdefault((rule.line_of_business, rule.state_code), [])
            if same and same[-1].holds_for(rule.received_from):
                name = f"{rule.line_of_business}, {rule.state_code or 'every state'}"
                raise PromptPayRuleError(
                    f"{name}: two rules are for claims received on {rule.received_from}; give the earlier one a "
                    "received_through before that day"
                )
            same.append(rule)

    def __iter__(self) -> Iterator[PromptPayRule]:
        return (rule for rules in self._by_key.values() for rule in rules)

    def rule_for(self, line_of_business: str | None, state_code: str | None, received_on: date) -> PromptPayRule | None:
        """The rule of a claim: that of its state, else that of every state; `None`: no clock runs."""
        if line_of_business is None:
            return None
        for state in dict.fromkeys((state_code, None)):
            for rule in self._by_key.get((line_of_business, state), ()):
                if rule.holds_for(received_on):
                    return rule
        return None

    def due_on(self, line_of_business: str | None, state_code: str | None, received_on: date) -> date | None:
        """The due date of a claim; `None`: no clock runs."""
        rule = self.rule_for(line_of_business, state_code, received_on)
        return None if rule is None else rule.due_on(received_on)


def packaged_rules() -> PromptPayRules:
    """The rules that are part of Ginja."""
    return read_rules(files("claims.prompt_pay").joinpath("rules.toml").read_text("utf-8"))


def read_rules(text: str) -> PromptPayRules:
    """Rules from TOML text, in the form of `rules.toml`. Raises `PromptPayRuleError`."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PromptPayRuleError(f"is not TOML: {error}") from None
    listed = document.get("rules")
    if not isinstance(listed, list) or not listed or set(document) != {"rules"}:
        raise PromptPayRuleError("must consist of [[rules]], at least one")
    return PromptPayRules(
        [_rule(TomlFields(f"rule {number}", entry, PromptPayRuleError)) for number, entry in enumerate(listed, start=1)]
    )


def _rule(fields: TomlFields[PromptPayRuleError]) -> PromptPayRule:
    line = fields.choice("line_of_business", tuple(LineOfBusiness))
    state = fields.take("state")
    if state is not None and not (isinstance(state, str) and len(state) == 2 and state.isascii() and state.isupper()):
        raise fields.error("state", "must be two capital letters, or left out for every state")
    days = fields.whole_number("days", most=_MAX_DAYS)
    received_from, received_through = fields.day("received_from"), fields.optional_day("received_through")
    if received_through is not None and received_through < received_from:
        raise fields.error("received_through", "must not be before received_from")
    rule = PromptPayRule(
        LineOfBusiness(line),
        state if isinstance(state, str) else None,
        received_from,
        received_through,
        days,
        _least_interest(fields),
        _rates(fields),
        fields.text("cites"),
    )
    fields.finish()
    return rule


def _least_interest(fields: TomlFields[PromptPayRuleError]) -> int:
    value = fields.take("least_interest")
    if value is None:
        return 0
    try:
        cents = parse_cents(value if isinstance(value, str) else "")
    except MoneyError:
        cents = -1
    if cents < 0:
        raise fields.error("least_interest", 'must be an amount in quotes, such as "2.00"')
    return cents


def _rates(fields: TomlFields[PromptPayRuleError]) -> tuple[InterestRate, ...]:
    listed = fields.take("rates")
    if not isinstance(listed, list) or not listed:
        raise fields.error("rates", "must list at least one rate")
    rates = sorted(
        (
            _rate(TomlFields(f"{fields.name}, rate {number}", entry, PromptPayRuleError))
            for number, entry in enumerate(listed, start=1)
        ),
        key=lambda one: one.first_day,
    )
    for earlier, later in pairwise(rates):
        if earlier.known_on(later.first_day):
            raise fields.error("rates", f"has two rates for {later.first_day}; end the earlier one before")
    return tuple(rates)


def _rate(fields: TomlFields[PromptPayRuleError]) -> InterestRate:
    first, last = fields.day("from"), fields.optional_day("through")
    if last is not None and last < first:
        raise fields.error("through", "must not be before from")
    rate = InterestRate(first, last, _millionths(fields), fields.text("cites"))
    fields.finish()
    return rate


def _millionths(fields: TomlFields[PromptPayRuleError]) -> int:
    wrong = fields.error("percent", f'must be a number in quotes from 0 to {_MAX_PERCENT}, such as "4.625"')
    try:
        percent = Decimal(fields.text("percent"))
        scaled = percent * (_MILLION // 100)
        if not 0 <= percent <= _MAX_PERCENT or scaled != int(scaled):
            raise wrong
    except (InvalidOperation, ValueError, OverflowError):
        raise wrong from None
    return int(scaled)
