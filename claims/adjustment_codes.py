"""The adjustment codes that payments are explained with, and whether an imported list has them."""

from collections.abc import Iterable
from datetime import date

from claims.code_tables import TableEntry, TableKind
from claims.payment import ADJUSTMENT_REASONS
from claims.review import REASONS


def sent_codes(kind: TableKind) -> frozenset[str]:
    """The codes of a list that a payment may state; empty for a table that is no list of adjustment codes."""
    if kind is TableKind.CARC:
        of_persons = {reason.carc for reason in REASONS.values() if reason.carc is not None}
        return frozenset(of_persons | {reason.carc for reason in ADJUSTMENT_REASONS})
    if kind is TableKind.RARC:
        return frozenset(reason.rarc for reason in ADJUSTMENT_REASONS if reason.rarc is not None)
    return frozenset()


def codes_not_valid(kind: TableKind, entries: Iterable[TableEntry], day: date) -> list[str]:
    """The codes that payments may state and that a list does not have, or not on a day."""
    sent = sent_codes(kind)
    return sorted(sent - {entry.code for entry in entries if entry.holds_on(day)}) if sent else []
