"""Codes that payments state are looked up in the lists that define them."""

from datetime import date

from claims.adjudication import CONTRACT_DENIALS
from claims.adjustment_codes import codes_not_valid, sent_codes
from claims.code_tables import TableEntry, TableKind
from claims.review import REASONS

DAY = date(2026, 11, 27)


def entries(kind: TableKind, **changed: TableEntry) -> list[TableEntry]:
    return [changed.get(f"_{code}", TableEntry(code)) for code in sent_codes(kind)]


def test_every_code_of_a_contract_denial_and_of_a_person_is_looked_up():
    stated = {denial.carc for denial in CONTRACT_DENIALS.values()} | {reason.carc for reason in REASONS.values()}
    assert stated - {None} <= sent_codes(TableKind.CARC)
    assert sent_codes(TableKind.RARC) == {"N10", "N130"}


def test_a_list_is_checked_on_a_day():
    assert codes_not_valid(TableKind.CARC, entries(TableKind.CARC), DAY) == []
    ended = TableEntry("45", last_day=date(2026, 11, 26))
    assert codes_not_valid(TableKind.CARC, entries(TableKind.CARC, _45=ended), DAY) == ["45"]
    last = TableEntry("45", last_day=DAY)
    assert codes_not_valid(TableKind.CARC, entries(TableKind.CARC, _45=last), DAY) == []
    assert codes_not_valid(TableKind.RARC, [TableEntry("N10")], DAY) == ["N130"]


def test_other_tables_are_not_compared_with_codes_of_payments():
    assert codes_not_valid(TableKind.MUE, [TableEntry("93797", number=2)], DAY) == []
