"""The field parsers: exact amounts, exact dates, no guesses."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claims.identifiers import IdentifierChange, IdentifierKind, InvalidIdentifier, is_npi, normalize_identifier
from claims.money import MAX_CENTS, MoneyError, parse_cents
from claims.service_days import EARLIEST, receipt_day
from core import clock
from pipelines.duck import connect
from pipelines.ingest import Dates, Money, fields, shape
from pipelines.ingest.fields import ParsedColumn
from pipelines.ingest.formats import LabelTexts, Sexes
from tests.claims.identifiers import NORMALIZED

_CONNECTION = connect()
DIAGNOSES = {None: IdentifierKind.DIAGNOSIS, 9: IdentifierKind.ICD9, 10: IdentifierKind.ICD10}
ZONES = ("UTC", "Africa/Nairobi", "Pacific/Auckland", "America/New_York", "Europe/Berlin")
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def read(parsed: ParsedColumn, text: str | None) -> tuple[object, str | None]:
    """Value and problem that a parser over the column `raw` returns for a text."""
    problem = parsed.problem.replace("@v", "v")
    sql = f"SELECT v, {problem} FROM (SELECT raw, {parsed.value} AS v FROM (SELECT ?::VARCHAR AS raw))"
    ((value, wrong),) = _CONNECTION.execute(sql, [text]).fetchall()
    return value, wrong


def money(text: str, **how: object) -> tuple[object, str | None]:
    return read(fields.amount("raw", Money(**how)), text)  # type: ignore[arg-type]


@given(st.integers(0, MAX_CENTS))
def test_every_amount_is_read_to_the_cent(cents: int) -> None:
    text = f"{cents // 100}.{cents % 100:02d}"
    assert money(text) == (cents, None)
    assert money(f"{cents // 100:,}.{cents % 100:02d}", thousands=",") == (cents, None)
    german = f"{cents // 100:,}".replace(",", ".") + f",{cents % 100:02d}"
    assert money(german, thousands=".", decimal=",") == (cents, None)
    assert money(f"$ {text}", symbols=("$",)) == (cents, None)
    assert money(str(cents), unit="cents") == (cents, None)


@given(st.text(alphabet="0123456789.,+-eE ()$x１", max_size=14))
def test_text_that_is_not_a_plain_amount_is_never_read_as_one(text: str) -> None:
    value, problem = money(text, negative="net")
    try:
        expected = parse_cents(text)
    except MoneyError:
        # Beyond our own amounts, a file may write a plus, brackets for minus, and zeros after two decimals.
        if problem is None:
            bare = text.strip().removeprefix("+").replace("(", "-").replace(")", "")
            assert Decimal(bare) * 100 == value
    else:
        assert (value, problem) == (expected, None)


@pytest.mark.parametrize(
    ("text", "how", "reason"),
    [
        ("12.340000000000001", {}, "more decimals than two"),
        ("12.345", {}, "more decimals than two"),
        ("12.5", {"unit": "cents"}, "more decimals than cents have"),
        ("1e400", {}, "not an amount"),
        ("NaN", {}, "not an amount"),
        ("1,234.50", {}, "not an amount"),
        ("1,23,4.50", {"thousands": ","}, "not an amount"),
        ("-5.00", {}, "a negative amount"),
        ("(5.00)", {}, "a negative amount"),
        ("100000000.01", {}, "over the largest amount"),
        ("1" * 40, {}, "not an amount"),
        ("1.23456e+01", {}, "more decimals than two"),
        ("1e-30", {}, "not an amount"),
        ("1.5e+00", {"unit": "cents"}, "more decimals than cents have"),
    ],
)
def test_an_invalid_amount_has_a_reason(text: str, how: dict, reason: str) -> None:
    assert reason in str(money(text, **how)[1])


@pytest.mark.parametrize(
    ("text", "cents"), [("1e+05", 10_000_000), ("1.234500e+03", 123_450), ("5.0E-01", 50), ("1.2500e+2", 12_500)]
)
def test_an_amount_in_scientific_notation_is_read_where_it_comes_to_whole_cents(text: str, cents: int) -> None:
    assert money(text) == (cents, None)


@pytest.mark.parametrize("space", [" ", "\u00a0", "\u202f"])
def test_thousands_can_be_separated_by_any_space_character(space: str) -> None:
    assert money(f"KES{space}1{space}234,50", symbols=("KES",), thousands=" ", decimal=",") == (123_450, None)
    assert "not an amount" in str(money(f"1{space}234,50", decimal=",")[1])


def test_amounts_are_rounded_only_with_the_option() -> None:
    assert money("12.340000000000001", round=True) == (1234, None)
    assert money("12.345", round=True) == (1235, None)
    assert money("12.5000") == (1250, None)


def test_brackets_and_minus_signs_are_negative_where_lines_may_be_netted() -> None:
    assert money("(1,250.00)", thousands=",", negative="net") == (-125_000, None)
    assert money("-3", negative="net") == (-300, None)


TODAY, NOW_US = NOW.date(), clock.micros(NOW)
FORMATS = ("%Y-%m-%d", "%d/%m/%Y", "%Y%m%d", "%d-%b-%Y", "%m/%d/%y")


@given(st.dates(date(1970, 1, 1), NOW.date()), st.sampled_from(FORMATS))
def test_a_date_is_read_in_the_format_of_the_file(day: date, form: str) -> None:
    dates = Dates(formats=(form,))
    assert read(fields.day("raw", dates, TODAY), day.strftime(form)) == (day, None)
    begin = clock.micros(datetime(day.year, day.month, day.day, tzinfo=UTC))
    assert read(fields.instant("raw", dates, TODAY, NOW_US), day.strftime(form)) == (begin, None)


@given(st.datetimes(datetime(1970, 1, 2), datetime(2026, 5, 30)), st.integers(-12, 12))
def test_a_time_with_a_zone_is_read_to_the_microsecond(moment: datetime, hours: int) -> None:
    there = moment.replace(tzinfo=UTC) + timedelta(hours=hours)
    text = f"{there:%Y-%m-%dT%H:%M:%S.%f}{hours:+03d}:00"
    value, problem = read(fields.instant("raw", Dates(), TODAY, NOW_US), text)
    assert (value, problem) == (clock.micros(moment.replace(tzinfo=UTC)), None)


def test_a_time_of_a_named_zone_is_read_in_that_zone() -> None:
    dates = Dates(formats=("%d/%m/%Y %H:%M",), timezone="Africa/Nairobi")
    expected = clock.micros(datetime(2026, 1, 5, 6, 30, tzinfo=UTC))
    assert read(fields.instant("raw", dates, TODAY, NOW_US), "05/01/2026 09:30") == (expected, None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2026-01-05 09:30:00", "a time without a zone"),
        ("2026-01-05T09:30:00", "a time without a zone"),
        ("2026-06-02", "in the future"),
        ("1899-12-31", "before 1900"),
        ("2026-02-30", "not a date"),
        ("05/01/2026", "not a date"),
        ("yesterday", "not a date"),
    ],
)
def test_an_invalid_date_has_a_reason(text: str, reason: str) -> None:
    assert reason in str(read(fields.instant("raw", Dates(), TODAY, NOW_US), text)[1])


@given(st.datetimes(datetime(1991, 1, 1), datetime(2026, 5, 30)), st.sampled_from(ZONES))
def test_the_day_of_receipt_of_a_file_is_that_of_the_api(moment: datetime, zone: str) -> None:
    received_at = (moment + timedelta(microseconds=moment.microsecond == 0)).replace(tzinfo=UTC)
    sql = fields.receipt_day(f"{clock.micros(received_at)}::BIGINT", zone)
    ((day,),) = _CONNECTION.sql(f"SELECT {sql}").fetchall()
    assert day == receipt_day(received_at, ZoneInfo(zone))


def test_a_date_without_a_time_is_received_on_that_date_in_every_zone() -> None:
    midnight = clock.micros(datetime(2026, 3, 2, tzinfo=UTC))
    days = ", ".join(fields.receipt_day(f"{midnight}::BIGINT", zone) for zone in ZONES)
    assert set(_CONNECTION.sql(f"SELECT {days}").fetchall()[0]) == {date(2026, 3, 2)}


def test_todays_date_is_not_in_the_future_where_the_day_began_before_utcs() -> None:
    tomorrow = TODAY + timedelta(days=1)
    _, problem = read(fields.instant("raw", Dates(), tomorrow, NOW_US), str(tomorrow))
    assert problem is None
    _, problem = read(fields.instant("raw", Dates(), TODAY, NOW_US), str(tomorrow))
    assert problem == "in the future"


def test_a_service_day_has_the_earliest_day_of_the_api() -> None:
    assert read(fields.service_day("raw", Dates(), TODAY), str(EARLIEST)) == (EARLIEST, None)
    assert read(fields.service_day("raw", Dates(), TODAY), "1989-12-31")[1] == "before 1990"


def test_a_naive_time_in_a_mapped_format_needs_a_zone() -> None:
    dates = Dates(formats=("%d/%m/%Y %H:%M",))
    assert "without a zone" in str(read(fields.instant("raw", dates, TODAY, NOW_US), "05/01/2026 09:30")[1])


def test_an_identifier_of_ten_thousand_characters_is_refused() -> None:
    assert read(fields.text("raw", 64), "x" * 10_000)[1] == "longer than 64 characters"
    assert read(fields.text("raw", 64), "x" * 64) == ("x" * 64, None)


@pytest.mark.parametrize("bad", ["a\x00b", "a\nb", "a\ufffdb", "a\x7f"])
def test_characters_that_cannot_be_decoded_are_refused(bad: str) -> None:
    assert "cannot be read" in str(read(fields.text("raw", 64), bad)[1])


@pytest.mark.parametrize(
    ("version", "text", "value"),
    [(10, "S83.2", "S832"), (10, "z9861", "Z9861"), (9, "401.9", "4019"), (9, "V45.0", "V450"), (None, "D001", "D001")],
)
def test_diagnosis_codes_lose_their_dot(version: int | None, text: str, value: str) -> None:
    assert read(fields.identifier("raw", DIAGNOSES[version]), text) == (value, None)


@pytest.mark.parametrize(("version", "text"), [(10, "4019"), (9, "S832"), (10, "X"), (9, "not a code")])
def test_a_diagnosis_code_of_the_other_icd_version_is_refused(version: int, text: str) -> None:
    assert f"not an ICD-{version} code" in str(read(fields.identifier("raw", DIAGNOSES[version]), text)[1])


@pytest.mark.parametrize(("kind", "text", "value", "changes"), NORMALIZED)
def test_an_identifier_of_a_file_is_that_of_the_api(
    kind: IdentifierKind, text: str, value: str, changes: tuple[IdentifierChange, ...]
) -> None:
    assert read(fields.identifier("raw", kind), text) == (value, None)


def of_the_api(kind: IdentifierKind, text: str) -> tuple[str | None, str | None]:
    """Value and reason that the API has for a text, one of which is None."""
    try:
        return normalize_identifier(text, kind).value, None
    except InvalidIdentifier as error:
        return None, str(error)


@given(st.sampled_from(IdentifierKind), st.text(alphabet="0123456789.eE+-'=\"AVvb ,#/N", max_size=12))
def test_every_identifier_of_a_file_is_read_as_the_api_reads_it(kind: IdentifierKind, text: str) -> None:
    value, problem = read(fields.identifier("raw", kind), text)
    assert (None if problem else value, problem) == of_the_api(kind, text)


@given(st.integers(1_000_000_000, 2_999_999_999))
def test_an_npi_of_a_file_has_the_check_digit_of_the_api(number: int) -> None:
    assert (read(fields.identifier("raw", IdentifierKind.NPI), str(number))[1] is None) is is_npi(str(number))


@pytest.mark.parametrize("text", ["Y", "1", "True", "YES", "fraud"])
def test_common_texts_for_fraud_are_recognized(text: str) -> None:
    assert read(fields.label("raw", LabelTexts()), text) == (True, None)


@pytest.mark.parametrize("text", ["N", "0", "False", "no"])
def test_common_texts_for_clean_are_recognized(text: str) -> None:
    assert read(fields.label("raw", LabelTexts()), text) == (False, None)


def test_an_unlisted_label_or_sex_is_refused() -> None:
    assert "label" in str(read(fields.label("raw", LabelTexts()), "maybe")[1])
    assert "sex" in str(read(fields.sex("raw", Sexes()), "3")[1])
    assert read(fields.sex("raw", Sexes(F=("2",), M=("1",))), "2") == ("F", None)
    assert read(fields.sex("raw", Sexes()), "Unknown") == (None, None)


def test_whole_numbers_may_end_in_a_zero_fraction() -> None:
    assert read(fields.whole("raw", 0, 130), "41.0") == (41, None)
    assert "not between" in str(read(fields.whole("raw", 0, 130), "131")[1])
    assert "not a whole number" in str(read(fields.whole("raw", 0, 130), "1.5")[1])


@given(st.text(max_size=60))
def test_a_shape_hides_the_letters_and_digits_of_the_value(text: str) -> None:
    shown = shape(text).partition("…")[0]
    assert not any(char.isalpha() and char not in "aA" for char in shown)
    assert not any(char.isdigit() and char != "9" for char in shown)
