"""Identifiers and codes: what is normalized without loss, and what is refused so that it becomes no other one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claims.identifiers import IdentifierChange, IdentifierKind, InvalidIdentifier, is_npi, normalize_identifier
from tests.claims.identifiers import NORMALIZED

KIND = IdentifierKind


@pytest.mark.parametrize(("kind", "text", "value", "changes"), NORMALIZED)
def test_a_change_without_loss_is_undone_and_named(
    kind: IdentifierKind, text: str, value: str, changes: tuple[IdentifierChange, ...]
) -> None:
    found = normalize_identifier(text, kind)
    assert (found.value, found.changes) == (value, changes)


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        (KIND.ID, "1.23457E+09", "rounded to an exponent"),
        (KIND.ID, "1.234567893e9", "rounded to an exponent"),
        (KIND.ID, "1e+09", "rounded to an exponent"),
        (KIND.ID, "1,234,567,893", "grouped by commas"),
        (KIND.ID, "########", "spreadsheet error"),
        (KIND.ID, "#N/A", "spreadsheet error"),
        (KIND.ID, '="#N/A"', "spreadsheet error"),
        (KIND.ID, '="1.23457E+09"', "rounded to an exponent"),
        (KIND.ID, '="1,234,567"', "grouped by commas"),
        (KIND.ID, '=""', "empty or padded"),
        (KIND.ID, '=" "', "empty or padded"),
        (KIND.ID, '="12 "', "empty or padded"),
        (KIND.PROCEDURE, '=" 99213"', "empty or padded"),
        (KIND.DIAGNOSIS, '=""', "empty or padded"),
        (KIND.ICD9, "2.5E4", "rounded to an exponent"),
        (KIND.NPI, "1.23457E+09", "rounded to an exponent"),
        (KIND.NPI, "1234567890", "not an NPI"),
        (KIND.NPI, "123456789", "not an NPI"),
        (KIND.NPI, "0123456789", "not an NPI"),
        (KIND.NPI, "3234567897", "not an NPI"),
        (KIND.NPI, "H457", "not an NPI"),
        (KIND.PLACE_OF_SERVICE, "111", "not a CMS two-digit"),
        (KIND.PLACE_OF_SERVICE, "OF", "not a CMS two-digit"),
        (KIND.PLACE_OF_SERVICE, "1.1", "not a CMS two-digit"),
        (KIND.HCPCS, "1.00E+02", "rounded to an exponent"),
        (KIND.HCPCS, "42", "not a CPT or HCPCS"),
        (KIND.HCPCS, "office visit", "not a CPT or HCPCS"),
        (KIND.DIAGNOSIS, "2.5E+04", "rounded to an exponent"),
        (KIND.ICD9, "38", "not an ICD-9"),
        (KIND.ICD9, "S83.2", "not an ICD-9"),
        (KIND.ICD10, "401.9", "not an ICD-10"),
    ],
)
def test_a_text_whose_digits_are_lost_or_that_is_of_another_kind_is_refused(
    kind: IdentifierKind, text: str, reason: str
) -> None:
    with pytest.raises(InvalidIdentifier, match=reason):
        normalize_identifier(text, kind)


@given(st.sampled_from(KIND), st.text(alphabet="0123456789.eE+-'=\"AVvb ,#/", max_size=12))
def test_a_normalized_identifier_is_not_changed_again(kind: IdentifierKind, text: str) -> None:
    try:
        value = normalize_identifier(text, kind).value
    except InvalidIdentifier:
        return
    assert value or not text
    if not value.startswith(("=", "'")):
        assert normalize_identifier(value, kind).value == value


@given(st.integers(1_000_000_00, 2_999_999_99))
def test_exactly_one_check_digit_makes_nine_digits_an_npi(body: int) -> None:
    assert sum(is_npi(f"{body}{digit}") for digit in range(10)) == 1


def test_an_npi_that_cms_publishes_as_an_example_is_one() -> None:
    assert is_npi("1234567893")
    assert not is_npi("1234567893\n")
