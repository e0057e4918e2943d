"""Edits against the trade's tables: at each limit and just over it, on the day of service."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claims.adjudication.code_edits import PAIR_MODIFIERS, code_findings
from claims.claim import ClaimLine
from claims.code_tables import NO_TABLES, TableEntry, TableKind, TablesInForce
from tests.claims.makers import DAY, make_claim

NPI = "1234567893"
NEXT_DAY = date(2026, 3, 3)


def tables(kind: TableKind, *entries: TableEntry, days=(DAY,), release="2026Q1") -> TablesInForce:
    """One release in force on each of the days."""
    return TablesInForce.of((day, kind, release, entry) for day in days for entry in (None, *entries))


def codes(claim, in_force, npi=None):
    return [finding.code for finding in code_findings(claim, npi, in_force)]


def mue(limit, indicator=None):
    return tables(TableKind.MUE, TableEntry("P001", number=limit, indicator=indicator), days=(DAY, NEXT_DAY))


def test_without_a_table_nothing_is_checked():
    claim = make_claim(ClaimLine("J9999", 1_00, units=1_000), diagnosis_codes=("X",))
    assert codes(claim, NO_TABLES, NPI) == []


@pytest.mark.parametrize("indicator", [None, "1", "2", "3"])
@pytest.mark.parametrize(("units", "found"), [(4, []), (5, ["medically_unlikely_units"])])
def test_units_at_the_limit_pass_and_one_more_is_found(indicator, units, found):
    assert codes(make_claim(ClaimLine("P001", 1_00, units=units)), mue(4, indicator)) == found


@pytest.mark.parametrize(("indicator", "found"), [("1", 0), ("2", 1), ("3", 1)])
def test_a_limit_of_a_day_counts_all_lines_of_the_day_once(indicator, found):
    claim = make_claim(*[ClaimLine("P001", 1_00, units=2)] * 4)
    assert len(codes(claim, mue(4, indicator))) == found


def test_a_limit_of_a_day_does_not_count_another_day():
    lines = [ClaimLine("P001", 1_00, units=4, service_date=day) for day in (DAY, NEXT_DAY)]
    assert codes(make_claim(*lines, service_to=NEXT_DAY, received_on=NEXT_DAY), mue(4, "3")) == []


def test_a_finding_names_line_limit_and_release():
    claim = make_claim(ClaimLine("P002", 1_00), ClaimLine("P001", 1_00, units=9))
    (finding,) = code_findings(claim, None, mue(4))
    assert (finding.line, finding.cites) == (2, "mue 2026Q1 P001")
    assert "9 units" in finding.text
    assert "allows 4" in finding.text


def pair(indicator="1", **days):
    return tables(TableKind.PTP, TableEntry("P001", "P002", indicator=indicator, **days), days=(DAY, NEXT_DAY))


def two(*modifiers, second_day=DAY):
    lines = (ClaimLine("P001", 1_00, service_date=DAY), ClaimLine("P002", 1_00, 1, second_day, modifiers))
    return make_claim(*lines, service_to=second_day, received_on=NEXT_DAY)


@pytest.mark.parametrize(
    ("indicator", "modifiers", "found"),
    [("0", (), 1), ("0", ("59",), 1), ("1", (), 1), ("1", ("59",), 0), ("1", ("26",), 1), ("9", (), 0)],
)
def test_a_pair_is_found_unless_a_modifier_allows_it(indicator, modifiers, found):
    assert codes(two(*modifiers), pair(indicator)) == ["procedure_pair"] * found


@given(st.sampled_from(sorted(PAIR_MODIFIERS)))
def test_every_associated_modifier_allows_a_pair_on_either_line(modifier):
    assert codes(two(modifier), pair()) == []
    lines = (ClaimLine("P001", 1_00, modifiers=(modifier,)), ClaimLine("P002", 1_00))
    assert codes(make_claim(*lines), pair()) == []


def test_a_pair_on_two_days_or_outside_its_days_is_paid():
    assert codes(two(second_day=NEXT_DAY), pair()) == []
    assert codes(two(), pair(first_day=NEXT_DAY)) == []
    assert codes(two(), pair(last_day=date(2026, 3, 1))) == []
    assert codes(two(), pair(first_day=DAY, last_day=DAY)) == ["procedure_pair"]


def test_the_second_code_of_a_pair_is_the_one_not_paid_whatever_the_order_of_the_lines():
    claim = make_claim(ClaimLine("P002", 1_00), ClaimLine("P001", 1_00))
    (finding,) = code_findings(claim, None, pair())
    assert (finding.line, finding.text.split()[0]) == (1, "P002")


def test_a_pair_is_found_once_however_many_lines_it_has():
    lines = [ClaimLine(code, 1_00) for code in ("P001", "P002") for _ in range(50)]
    (finding,) = code_findings(make_claim(*lines), None, pair())
    assert finding.line == 51


def test_a_pair_is_found_at_the_first_line_without_a_modifier():
    lines = [ClaimLine("P001", 1_00), ClaimLine("P002", 1_00, modifiers=("59",)), ClaimLine("P002", 1_00)]
    (finding,) = code_findings(make_claim(*lines), None, pair())
    assert finding.line == 3


@pytest.mark.parametrize(
    ("first", "last", "found"),
    [
        (None, None, 1),
        (DAY, None, 1),
        (NEXT_DAY, None, 0),
        (date(2020, 1, 1), DAY, 1),
        (date(2020, 1, 1), date(2026, 3, 1), 0),
    ],
)
def test_a_provider_is_excluded_from_the_first_day_to_the_one_before_reinstatement(first, last, found):
    listed = tables(TableKind.LEIE, TableEntry(NPI, first_day=first, last_day=last))
    assert codes(make_claim(), listed, NPI) == ["provider_on_exclusion_list"] * found
    assert codes(make_claim(), listed, "1245319599") == []
    assert codes(make_claim(), listed, None) == []


@pytest.mark.parametrize(
    ("code", "entry", "found"),
    [
        ("J1100", TableEntry("J1100"), []),
        ("J1100", None, ["procedure_code_unknown"]),
        ("J1100", TableEntry("J1100", last_day=DAY), []),
        ("J1100", TableEntry("J1100", last_day=date(2026, 3, 1)), ["procedure_code_deactivated"]),
        ("99213", None, []),
        ("P0012", None, ["procedure_code_unknown"]),
    ],
)
def test_a_level_two_code_must_exist_on_the_day(code, entry, found):
    listed = tables(TableKind.HCPCS, *([] if entry is None else [entry]))
    assert codes(make_claim(ClaimLine(code, 1_00)), listed) == found


def test_a_diagnosis_must_be_a_billable_code_of_its_release():
    listed = tables(TableKind.ICD10, TableEntry("S8200"))
    assert codes(make_claim(diagnosis_codes=("S8200",)), listed) == []
    assert codes(make_claim(diagnosis_codes=("S8200", "S82")), listed) == ["diagnosis_code_invalid"]
