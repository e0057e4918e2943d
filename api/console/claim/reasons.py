"""The reasons of a score as the page prints them: each number links to the claims that it counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from api.console.claim.counted_sets import sets_behind
from api.console.claim.list_pages import list_address
from claims.reason_groups import ReasonKind, title_of
from claims.scoring import Reason
from core.format import number_to_4_digits

_OF_NETWORK: Final = "network_"
"""Features of the weekly network of providers."""


@dataclass(frozen=True, slots=True)
class CountedLink:
    """A link to the claims that a number counts, or is computed from."""

    text: str
    title: str
    address: str


@dataclass(frozen=True, slots=True)
class NumberBehind:
    """A feature behind a sentence, its value, and the claims it was computed from."""

    name: str
    value: str
    counts: bool
    """Whether the value itself is the number of claims of the first link."""
    links: list[CountedLink]


@dataclass(frozen=True, slots=True)
class ReasonLine:
    title: str
    text: str
    odds: str
    code: str
    behind: list[NumberBehind]


@dataclass(frozen=True, slots=True)
class ReasonsByDirection:
    """The reasons of one kind, by direction."""

    for_fraud: list[ReasonLine]
    against_fraud: list[ReasonLine]


def reasons_of_kind(
    claim_id: str, provider_id: str | None, reasons: Sequence[Reason], kind: ReasonKind
) -> ReasonsByDirection:
    """The reasons of one kind, by direction, with links to the claims that their numbers count.

    Numbers of the network count members and providers: they link to the ring of the provider.
    """
    mine = [reason for reason in reasons if reason.kind == kind]
    return ReasonsByDirection(
        for_fraud=[_reason(claim_id, provider_id, reason) for reason in mine if reason.direction == "for"],
        against_fraud=[_reason(claim_id, provider_id, reason) for reason in mine if reason.direction == "against"],
    )


def _number_behind(claim_id: str, provider_id: str | None, name: str, value: float | None) -> NumberBehind:
    behind = sets_behind(name)
    if name.startswith(_OF_NETWORK) and provider_id and value is not None:
        path = f"/console/providers/{quote(provider_id, safe='')}#ring"
        shown = number_to_4_digits(value)
        return NumberBehind(name, shown, False, [CountedLink(shown, "Ring of the provider", path)])
    counts = value is not None and [one.name for one in behind] == [name]
    return NumberBehind(
        name,
        number_to_4_digits(value),
        counts,
        [
            CountedLink(number_to_4_digits(value), one.title, list_address(one.name, claim_id))
            for one in ([] if value is None else behind)
        ],
    )


def _reason(claim_id: str, provider_id: str | None, reason: Reason) -> ReasonLine:
    behind = [_number_behind(claim_id, provider_id, name, reason.features.get(name)) for name in reason.carrier]
    return ReasonLine(title_of(reason.code), reason.text, f"{reason.odds:.2f}", reason.code, behind)
