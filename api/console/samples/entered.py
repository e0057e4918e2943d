"""The forms of samples as values. Each function raises `Invalid`, naming the field."""

from collections.abc import Mapping, Sequence
from datetime import date
from enum import Enum
from typing import TypeVar

from api.errors import Invalid
from api.samples import ItemReview, OverpaymentReason, SampleItem, SamplePlan
from claims.money import MoneyError, parse_cents
from claims.sampling import Allocation

Choice = TypeVar("Choice", bound=Enum)


def plan_of(entered: Mapping[str, str]) -> SamplePlan:
    """The plan of the form that draws a sample; an empty size or seed is left to the service."""
    boundaries = [one.strip() for one in entered.get("boundaries", "").replace(";", " ").split()]
    return SamplePlan(
        first_day=day_of(entered, "first_day"),
        last_day=day_of(entered, "last_day"),
        provider_id=entered.get("provider_id", "").strip() or None,
        size=number_of(entered, "size") if entered.get("size", "").strip() else None,
        seed=entered.get("seed", "").strip() or None,
        boundaries_cents=tuple(_cents(one, "boundaries") for one in boundaries),
        allocation=choice_of(Allocation, entered, "allocation"),
        error_rate=number_of(entered, "error_rate") / 100,
    )


def entered_reviews(items: Sequence[SampleItem], entered: Mapping[str, str]) -> list[ItemReview]:
    """The rows of a worksheet form that have an amount; the fields of a row end with the position of its claim."""
    reviews = []
    for item in items:
        amount = entered.get(f"correct_{item.position}", "").strip()
        if not amount:
            continue
        cents = _cents(amount, f"correct_{item.position}")
        reason = entered.get(f"reason_{item.position}", "")
        if cents == item.paid_cents and not reason:
            reason = OverpaymentReason.CORRECT.value
        try:
            reviews.append(ItemReview(item.claim_id, cents, OverpaymentReason(reason)))
        except ValueError:
            raise Invalid.field(f"reason_{item.position}", f"must be chosen for claim {item.claim_id}") from None
    if not reviews:
        raise Invalid.field("correct_1", "must be entered for at least one claim")
    return reviews


def day_of(entered: Mapping[str, str], name: str) -> date:
    """A day."""
    try:
        return date.fromisoformat(entered.get(name, "").strip())
    except ValueError:
        raise Invalid.field(name, "must be a day, written as YYYY-MM-DD") from None


def number_of(entered: Mapping[str, str], name: str) -> int:
    """A whole number from 0."""
    text = entered.get(name, "").strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 6):
        raise Invalid.field(name, "must be a whole number")
    return int(text)


def amount_of(entered: Mapping[str, str], name: str) -> int:
    """An amount in cents."""
    return _cents(entered.get(name, "").strip(), name)


def choice_of(kind: type[Choice], entered: Mapping[str, str], name: str) -> Choice:
    """One of the values of an enum."""
    try:
        return kind(entered.get(name, ""))
    except ValueError:
        raise Invalid.field(name, f"must be one of {', '.join(str(one.value) for one in kind)}") from None


def _cents(text: str, name: str) -> int:
    try:
        cents = parse_cents(text)
    except MoneyError as error:
        raise Invalid.field(name, str(error)) from None
    if cents < 0:
        raise Invalid.field(name, "must be 0 or more")
    return cents
