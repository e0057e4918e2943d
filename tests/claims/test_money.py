import tracemalloc
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claims.money import MAX_CENTS, MoneyError, format_cents, parse_cents

cents = st.integers(-MAX_CENTS, MAX_CENTS)


@given(cents)
def test_an_amount_round_trips_through_json(value):
    assert parse_cents(format_cents(value)) == value
    assert parse_cents(Decimal(value) / 100) == value


@given(st.decimals(allow_nan=True, allow_infinity=True))
def test_a_decimal_is_read_exactly_or_refused(value):
    try:
        read = parse_cents(value)
    except MoneyError:
        return
    assert Decimal(read) == value * 100


@pytest.mark.parametrize(
    "value",
    ["", "1.234", "1e3", "0x10", "１２", "٣", "1,000", "NaN", "inf", "--1", "+1", "1.", ".5", 1.5, True, None, [1],
     Decimal("1E+400"), Decimal("1E-400"), Decimal("sNaN"), Decimal("-Infinity"), Decimal("0.001"), Decimal("1.2E-2"),
     10**400, "9" * 400, MAX_CENTS // 100 + 1, Decimal("100000000.01"), Decimal("1E+9"), Decimal("-1E+9")],
)  # fmt: skip
def test_an_amount_that_cannot_be_read_exactly_is_refused(value):
    with pytest.raises(MoneyError):
        parse_cents(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("12.5", 12_50),
        (12, 12_00),
        (" 7 ", 7_00),
        ("007.10", 7_10),
        (Decimal("1E+2"), 100_00),
        (Decimal("5.500"), 5_50),
        (Decimal("1E+8"), MAX_CENTS),
        (Decimal("1E-2"), 1),
        (Decimal("-12.5000000000"), -12_50),
        (Decimal("0E-999999999"), 0),
        (Decimal("0E+999999999"), 0),
    ],
)
def test_plain_amounts_are_read(value, expected):
    assert parse_cents(value) == expected


@pytest.mark.parametrize(
    "exponent", [-999_999_999_999_999, -1_000_000_000, -99_999_999, 99_999_999, 999_999_999_999_999]
)
def test_the_exponent_of_a_decimal_number_is_never_expanded(exponent):
    value = Decimal((0, (1, 0), exponent))
    tracemalloc.start()
    with pytest.raises(MoneyError):
        parse_cents(value)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100_000
