"""Values as people and clients read them."""

import json
import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claims.money import MAX_CENTS, format_cents
from core import format as text

AT = datetime(2026, 3, 2, 10, 15, 0, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("write", "value", "written"),
    [
        (text.number, None, "–"),
        (text.number, math.nan, "–"),
        (text.number, 0.123456, "0.123"),
        (text.number, 1234.5, "1,234"),
        (text.number_to_4_digits, None, "missing"),
        (text.number_to_4_digits, 12_000.0, "12,000"),
        (text.number_to_4_digits, 0.123456, "0.1235"),
        (text.number_to_3_decimals, None, ""),
        (text.number_to_3_decimals, 0.5, "0.500"),
        (text.number_to_3_decimals, 12_345.6, "12,346"),
        (text.percent, None, "–"),
        (text.percent, math.nan, "–"),
        (text.percent, 0.12345, "12.3 %"),
        (text.percent_to_1_decimal, None, "–"),
        (text.percent_to_1_decimal, 0.0, "0.0 %"),
        (text.percent_to_1_decimal, 0.0004, "< 0.1 %"),
        (text.percent_to_1_decimal, 0.5, "50.0 %"),
        (text.money, None, "–"),
        (text.money, 123_456_78, "123,457"),
        (text.json_instant, None, None),
        (text.json_instant, AT, "2026-03-02T10:15:00.000007Z"),
        (text.utc_minute, AT, "2026-03-02 10:15"),
        (text.utc_second, AT, "2026-03-02 10:15:00"),
    ],
)
def test_values_are_formatted(write, value, written):
    assert write(value) == written


@given(st.integers(0, MAX_CENTS))
def test_an_amount_in_json_has_exactly_two_decimal_places(cents):
    assert f"{float(json.dumps(text.json_amount(cents))):.2f}" == format_cents(cents)


@pytest.mark.parametrize(
    ("count", "nouns", "written"),
    [
        (0, ("claim",), "0 claims"),
        (1, ("claim",), "1 claim"),
        (2, ("entry", "entries"), "2 entries"),
        (1, ("entry", "entries"), "1 entry"),
        (12_345, ("empty line",), "12,345 empty lines"),
    ],
)
def test_a_count_agrees_with_its_noun(count: int, nouns: tuple[str, ...], written: str):
    assert text.counted(count, *nouns) == written
