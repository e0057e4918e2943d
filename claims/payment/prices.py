"""The price of each line: the provider's contract, or else the fee schedule, and never more than billed.

A price is for one unit. The entry with the first modifier of the line that has one comes before the entry without.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from claims.claim import Claim, ClaimLine
from claims.code_tables import TableEntry, TableInForce, TableKind, TablesInForce
from claims.cost_sharing import CostSharing


class PriceSource(StrEnum):
    """Where a line's price is from."""

    BILLED = "billed"
    """The amount billed: it is not above the price, or there is none."""
    FEE_SCHEDULE = "fee_schedule"
    CONTRACT = "contract"


@dataclass(frozen=True, slots=True)
class OtherPayerSent:
    """What other payers paid as it was sent: of a line, or what is left of that of the claim when its turn comes."""

    of_line_cents: int
    of_claim_cents: int


@dataclass(frozen=True, slots=True)
class LinePrice:
    """One line before cost sharing, in cents for all its units."""

    line: int
    """From 1."""
    billed_cents: int
    allowed_cents: int
    """At most the billed amount."""
    other_payer_cents: int = 0
    """What other payers paid, at most the allowed amount."""
    source: PriceSource = PriceSource.BILLED
    cites: str | None = None
    """Table, release and entry of the price; None: there is none."""
    other_payer_sent: OtherPayerSent | None = None
    """To price the claim again, when more of it may count; None: nothing was sent, or it was not stored."""


def contract_key(provider_id: str, modifier: str = "") -> str:
    """How an entry of the contracts names its provider and modifier (`TableEntry.other`)."""
    return f"{provider_id} {modifier}".rstrip()


def priced_by_tables(terms: CostSharing | None) -> bool:
    """Whether contracts and fee schedule price a claim; a plan without cost sharing pays what is billed.

    What other payers paid makes no difference.
    """
    return terms is not None


def line_prices(claim: Claim, tables: TablesInForce) -> tuple[LinePrice, ...]:
    """The price of each line on its day of service; what other payers paid of the claim goes to its lines in order."""
    prices = []
    of_claim = claim.other_payer_cents
    for number, line in enumerate(claim.lines, start=1):
        day = line.service_date or claim.service_from
        cents, source, cites = _price(claim.provider_id, line, day, tables)
        allowed = min(line.amount_cents, cents)
        sent = OtherPayerSent(line.other_payer_cents, of_claim) if claim.has_other_payer else None
        paid_before = min(line.other_payer_cents + of_claim, allowed)
        of_claim -= max(0, paid_before - line.other_payer_cents)
        prices.append(LinePrice(number, line.amount_cents, allowed, paid_before, source, cites, sent))
    return tuple(prices)


def _price(provider_id: str, line: ClaimLine, day: date, tables: TablesInForce) -> tuple[int, PriceSource, str | None]:
    for kind, source, of_provider in (
        (TableKind.CONTRACTS, PriceSource.CONTRACT, provider_id),
        (TableKind.FEES, PriceSource.FEE_SCHEDULE, ""),
    ):
        table = tables.table(kind, day)
        entry = None if table is None else next(_entries(table, line, day, of_provider), None)
        if table is None or entry is None or entry.number is None:
            continue
        cents = entry.number * line.units
        cites = table.cites(f"{entry.code} {entry.other}".rstrip())
        return cents, source if cents < line.amount_cents else PriceSource.BILLED, cites
    return line.amount_cents, PriceSource.BILLED, None


def _entries(table: TableInForce, line: ClaimLine, day: date, provider_id: str) -> Iterator[TableEntry]:
    """The entries that fit a line, the best one first."""
    entries: Sequence[TableEntry] = table.of(line.procedure_code)
    for modifier in (*line.modifiers, ""):
        key = contract_key(provider_id, modifier) if provider_id else modifier
        yield from (entry for entry in entries if entry.other == key and entry.holds_on(day))
