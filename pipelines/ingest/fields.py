"""Field parsers: for each kind of field, a DuckDB expression for its value and one for what is wrong with it.

Every expression reads the text of one row and is exact: no amount passes through a float, no day is guessed.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from claims.identifiers import (
    MAX_DESCRIPTION,
    MAX_ID,
    MAX_REGION,
    MAX_SPECIALTY,
    NPI_PREFIX_SUM,
    RULES,
    IdentifierKind,
)
from claims.money import MAX_CENTS
from claims.service_days import EARLIEST
from core.clock import DAY_US
from pipelines.ingest.formats import DateParts, Dates, LabelTexts, Money, Sexes
from pipelines.ingest.mapping import Mapping

EARLIEST_RECEIPT = date(1970, 1, 1)
"""Features count time from here on."""


@dataclass(frozen=True, slots=True)
class ParsedColumn:
    """`problem` is NULL for a valid value; in it, `@v` is the placeholder of the column with `value`."""

    value: str
    problem: str


def literal(text: str) -> str:
    """Text as a SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def listed(texts: tuple[str, ...]) -> str:
    """Texts in lower case as the operand of a SQL `IN`."""
    return "(" + ", ".join(literal(text.lower()) for text in texts) + ")" if texts else "('')"


def cleaned(column: str, missing: tuple[str, ...]) -> str:
    """A trimmed text, NULL where it means that there is no value."""
    marks = ", ".join(literal(text) for text in missing)
    return f"CASE WHEN {column} IN ('', {marks}) THEN NULL ELSE {column} END"


_UNREADABLE = "regexp_matches({0}, '[\\x00-\\x1f\\x7f\ufffd]')"


def text(raw: str, limit: int) -> ParsedColumn:
    """A name or code of at most `limit` characters, without control characters."""
    problem = (
        f"CASE WHEN length({raw}) > {limit} THEN 'longer than {limit} characters' "
        f"WHEN {_UNREADABLE.format(raw)} THEN 'characters that cannot be read; check the encoding' END"
    )
    return ParsedColumn(raw, problem)


def identifier(raw: str, kind: IdentifierKind = IdentifierKind.ID) -> ParsedColumn:
    """An identifier or code as `claims.identifiers` normalizes it, in SQL."""
    rule, plain = RULES[kind], text(raw, MAX_DESCRIPTION if kind in _CODES else MAX_ID)
    value = raw
    for rewrite in rule.rewrites:
        if rewrite.by is None:
            value = f"CASE WHEN {_matches(value, rewrite.pattern)} THEN upper({value}) ELSE {value} END"
        else:
            value = f"regexp_replace({value}, {literal(f'^(?:{rewrite.pattern})$')}, {literal(rewrite.by)})"
    checks = [
        f"WHEN {_matches(sql, pattern)} THEN {literal(reason)}"
        for sql in (raw, "@v")
        for pattern, reason in rule.refusals
    ]
    if rule.shape is not None:
        checks.append(f"WHEN NOT {_matches('@v', rule.shape)} THEN {literal(rule.wrong_shape)}")
    if rule.check_digit:
        checks.append(f"WHEN ({_check_sum('@v')}) % 10 <> 0 THEN {literal(rule.wrong_shape)}")
    return ParsedColumn(value, f"CASE {' '.join(checks)} ELSE {plain.problem} END")


_CODES = frozenset(IdentifierKind) - {IdentifierKind.ID, IdentifierKind.NPI}


def _matches(sql: str, pattern: str) -> str:
    return f"regexp_full_match({sql}, {literal(pattern)})"


def _check_sum(sql: str) -> str:
    """The sum that is a multiple of ten for an NPI; `sql` has ten digits."""
    digits = [f"substr({sql}, {place}, 1)" for place in range(1, 11)]
    doubled = [f"translate({digit}, '0123456789', '0246813579')" for digit in digits[::2]]
    return " + ".join([str(NPI_PREFIX_SUM), *(f"{digit}::INT" for digit in [*doubled, *digits[1::2]])])


@dataclass(frozen=True, slots=True)
class WrittenAmount:
    """SQL of the text of an amount without symbols, of its digits for a cast, and regular expressions of its parts."""

    plain: str
    digits: str
    whole: str
    dot: str
    scientific: str


def written_amount(raw: str, money: Money) -> WrittenAmount:
    """How an amount is written, by `money`."""
    # Typesetters' spaces, which do not break, group thousands as a plain one does.
    plain = f"translate({raw}, '\u00a0\u202f', '  ')"
    for symbol in money.symbols:
        plain = f"replace({plain}, {literal(symbol)}, '')"
    plain = f"trim({plain})"
    # Accountants write negative amounts in brackets.
    plain = f"regexp_replace({plain}, '^\\((.*)\\)$', '-\\1')"
    dot, group = "\\" + money.decimal, "\\" + money.thousands if money.thousands else ""
    whole = f"([0-9]{{1,3}}({group}[0-9]{{3}})+|[0-9]{{1,15}})" if group else "[0-9]{1,15}"
    digits = f"replace({plain}, {literal(money.thousands)}, '')" if money.thousands else plain
    digits = f"replace({digits}, {literal(money.decimal)}, '.')"
    # R and numpy write 1e+05; it counts where it comes to whole cents.
    scientific = f"[+-]?[0-9]{{1,3}}(({dot}[0-9]{{1,18}})?[eE][+]?|({dot}[0-9]{{1,9}})?[eE]-)0?[0-9]"
    return WrittenAmount(plain, digits, whole, dot, scientific)


def amount(raw: str, money: Money) -> ParsedColumn:
    """Cents. The limit is that of `claims.money`; half a cent is rounded away from zero, once, from all digits."""
    written = written_amount(raw, money)
    plain, whole, dot = written.plain, written.whole, written.dot
    fraction = f"({dot}[0-9]+)?" if money.round else f"({dot}[0-9]{{1,2}}0*)?"
    if money.unit == "cents":
        fraction = f"({dot}0+)?"
    pattern = f"[+-]?{whole}{fraction}"
    # The type has 18 decimals and would round what is beyond them; which half a cent lies on is in the first three.
    digits = f"regexp_replace({written.digits}, '([.][0-9]{{18}})[0-9]+$', '\\1')"
    scale = 1 if money.unit == "cents" else 100
    is_scientific = f"regexp_full_match({plain}, {literal(written.scientific)})"
    number = f"TRY_CAST({digits} AS DECIMAL(38, 18)) * {scale}"
    even = "" if money.round else f" AND {number} = round({number}, 0)"
    is_amount = f"(regexp_full_match({plain}, {literal(pattern)}) OR ({is_scientific}{even}))"
    cents = f"CASE WHEN {is_amount} THEN TRY_CAST(round({number}, 0) AS BIGINT) END"
    noise = f"({is_scientific} OR regexp_full_match({plain}, {literal(f'[+-]?{whole}{dot}[0-9]+')}))"
    example = "125000" if money.unit == "cents" else f"1250{money.decimal}00"
    checks = [
        f"WHEN @v IS NULL AND {noise} THEN 'more decimals than {'cents have' if scale == 1 else 'two'} (money.round)'",
        f"WHEN @v IS NULL THEN 'not an amount such as {example}'",
        f"WHEN @v > {MAX_CENTS} THEN 'over the largest amount'",
        f"WHEN @v = 0 AND regexp_matches({plain}, '^[^eE]*[1-9]') THEN 'less than half a cent'",
    ]
    if money.negative == "reject":
        checks.append("WHEN @v < 0 THEN 'a negative amount (money.negative, for files with a row per line)'")
    return ParsedColumn(cents, f"CASE WHEN {raw} IS NULL THEN NULL {' '.join(checks)} END")


def whole_claims(mapping: Mapping, found: ParsedColumn) -> ParsedColumn:
    """The amount of a row; zero is an error where a row is a whole claim."""
    zero = "CASE WHEN @v = 0 THEN 'an amount of zero' END" if mapping.rows == "claims" else "NULL"
    return ParsedColumn(found.value, f"COALESCE({found.problem}, {zero})")


def whole(raw: str, low: int, high: int) -> ParsedColumn:
    """A whole number from `low` to `high`; `3.0` is 3."""
    digits = f"regexp_full_match({raw}, '[0-9]{{1,9}}([.]0+)?')"
    number = f"CASE WHEN {digits} THEN CAST(split_part({raw}, '.', 1) AS INT) END"
    problem = (
        f"CASE WHEN {raw} IS NULL THEN NULL WHEN @v IS NULL THEN 'not a whole number' "
        f"WHEN @v NOT BETWEEN {low} AND {high} THEN 'not between {low} and {high}' END"
    )
    return ParsedColumn(number, problem)


def chosen(raw: str, groups: dict[str, tuple[str, ...]], what: str) -> ParsedColumn:
    """One of few values: `groups` has a SQL literal for each set of texts, which are compared without case."""
    arms = " ".join(f"WHEN lower({raw}) IN {listed(texts)} THEN {value}" for value, texts in groups.items())
    every = tuple(entry for texts in groups.values() for entry in texts)
    problem = f"CASE WHEN lower({raw}) NOT IN {listed(every)} THEN {literal(what)} END"
    return ParsedColumn(f"CASE {arms} END", problem)


def sex(raw: str, texts: Sexes) -> ParsedColumn:
    """`F`, `M`, or NULL where the text means unknown."""
    groups = {"'F'": texts.F, "'M'": texts.M, "NULL": texts.unknown}
    return chosen(raw, groups, "not a sex the mapping lists; add it under `sex`")


def label(raw: str, texts: LabelTexts) -> ParsedColumn:
    """True for fraud."""
    groups = {"true": texts.fraud, "false": texts.clean}
    return chosen(raw, groups, "not a label the mapping lists; say under `label` which texts are fraud and which clean")


_WITH_TIME = ("%H", "%I", "%T", "%X", "%c")
_NAIVE = "a time without a zone; name the file's zone in the mapping (dates.timezone)"


def _moments(raw: str, dates: Dates) -> tuple[str, str]:
    """The local day, and microseconds since the epoch, by the first format that fits; a day begins at midnight."""
    zoned = f"regexp_replace({raw}, '[Zz]$', '+0000')"
    days, instants = [], []
    short = any("%y" in form for form in dates.formats)
    for form in dates.formats:
        if "%z" in form or "%Z" in form:
            bare = form.replace("%z", "").replace("%Z", "").rstrip()
            local = f"regexp_replace({raw}, '\\s*([Zz]|[+-][0-9]{{2}}:?[0-9]{{2}})$', '')"
            days.append(f"TRY_CAST(try_strptime({local}, {literal(bare)}) AS DATE)")
            instants.append(f"epoch_us(try_strptime({zoned}, {literal(form)}))")
            continue
        parsed = f"try_strptime({raw}, {literal(form)})"
        if short and "%Y" in form:  # which reads 24 as the year 24
            parsed = f"CASE WHEN {parsed} >= TIMESTAMP '1000-01-01' THEN {parsed} END"
        days.append(f"TRY_CAST({parsed} AS DATE)")
        if not any(mark in form for mark in _WITH_TIME):
            instants.append(f"epoch_us({parsed})")
        elif dates.timezone is not None:
            instants.append(f"epoch_us(timezone({literal(dates.timezone)}, {parsed}))")
    return f"COALESCE({', '.join(days)})", f"COALESCE({', '.join([*instants, 'NULL::BIGINT'])})"


def birth_day(raw: str, dates: Dates, today: date, served: list[str]) -> ParsedColumn:
    """A birth date. Of a year of two digits it is the last one not after the service; `served` are its days, in SQL."""
    long = Dates.model_construct(formats=tuple(form for form in dates.formats if "%y" not in form), timezone=None)
    short = Dates.model_construct(formats=tuple(form for form in dates.formats if "%y" in form), timezone=None)
    if not short.formats:
        return day(raw, dates, today)
    latest = f"COALESCE({', '.join([*served, 'NULL'])}, DATE '{today}')"
    two, _ = _moments(raw, short)
    pivoted = f"CASE WHEN {two} > {latest} THEN CAST({two} - INTERVAL 100 YEAR AS DATE) ELSE {two} END"
    value = f"COALESCE({_moments(raw, long)[0]}, {pivoted})" if long.formats else pivoted
    return ParsedColumn(value, day(raw, dates, today).problem)


def local_day(raw: str, dates: Dates) -> str:
    """SQL of the day that a date or a time names where it was written."""
    return _moments(raw, dates)[0]


def receipt_day(received_us: str, time_zone: str) -> str:
    """SQL of the calendar day of receipt in `time_zone`; midnight UTC is a date without a time, and is that date.

    The bound that `claims.service_days` sets for claims of the API.
    """
    day = f"make_timestamp({received_us})"
    local = f"timezone({literal(time_zone)}, {day} AT TIME ZONE 'UTC')"
    return f"CASE WHEN {received_us} % {DAY_US} = 0 THEN {day} ELSE {local} END::DATE"


def service_day(raw: str, dates: Dates, today: date) -> ParsedColumn:
    """A day of service; `today` is the last day possible."""
    return day(raw, dates, today, EARLIEST)


def day(raw: str, dates: Dates, today: date, earliest: date = date(1900, 1, 1)) -> ParsedColumn:
    """A date from `earliest` to `today`."""
    value, _ = _moments(raw, dates)
    problem = (
        f"CASE WHEN {raw} IS NULL THEN NULL WHEN @v IS NULL THEN {literal(_unlike(dates))} "
        f"WHEN @v < DATE '{earliest}' THEN 'before {earliest.year}' "
        f"WHEN @v > DATE '{today}' THEN 'in the future' END"
    )
    return ParsedColumn(value, problem)


def instant(raw: str, dates: Dates, today: date, now_us: int, earliest: date = date(1900, 1, 1)) -> ParsedColumn:
    """Microseconds since the epoch, from `earliest` on; a time of day needs a zone. A date without a time may be
    `today`, which begins before UTC's day in the east.
    """
    local, value = _moments(raw, dates)
    zone = "'([Zz]|[+-][0-9]{2}:?[0-9]{2})$'"
    zoneless = f"regexp_matches({raw}, ':[0-9]{{2}}') AND NOT regexp_matches({raw}, {zone})"
    naive = f"@v IS NULL AND (({local}) IS NOT NULL OR ({zoneless}))"
    if dates.timezone is not None:
        naive = "false"
    problem = (
        f"CASE WHEN {raw} IS NULL THEN NULL WHEN {naive} THEN {literal(_NAIVE)} "
        f"WHEN @v IS NULL THEN {literal(_unlike(dates))} "
        f"WHEN @v < epoch_us(TIMESTAMP '{earliest}') THEN 'before {earliest.year}' "
        f"WHEN @v > {now_us} AND (@v % {DAY_US} <> 0 OR ({local}) > DATE '{today}') "
        f"THEN 'in the future' END"
    )
    return ParsedColumn(value, problem)


_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)


def date_of_parts(parts: DateParts, names: dict[str, str]) -> str:
    """SQL of the text of a date (`2024-05-08`) from its parts; of what they hold where that is no date."""
    year, month = names[parts.year], names[parts.month]
    arms = " ".join(f"WHEN lower({month}) IN ('{name}', '{name[:3]}') THEN {at}" for at, name in enumerate(_MONTHS, 1))
    number = f"CASE {arms} ELSE TRY_CAST({whole(month, 1, 12).value} AS INT) END"
    day = "1"
    if parts.day is not None:
        day = f"({whole(names[parts.day], 1, 31).value})"
    elif parts.week_of_month is not None:
        week = f"({whole(names[parts.week_of_month], 1, 6).value})"
        day = f"CASE WHEN {week} BETWEEN 1 AND 6 THEN LEAST({week} * 7 - 6, 28) END"
    texts = ", ".join(names[column] for column in parts.columns)
    return (
        f"COALESCE(printf('%04d-%02d-%02d', {whole(year, 1000, 9999).value}, {number}, {day}), "
        f"NULLIF(concat_ws('-', {texts}), ''))"
    )


def ambiguous_day(raw: str, dates: Dates, today: date) -> str | None:
    """SQL of whether two formats read a text as different days from 1900 to `today`; None where none of them can."""
    alike: dict[str, list[str]] = {}
    for form in dates.formats:
        alike.setdefault(re.sub("%-?[dmyYj]", "#", form), []).append(form)
    checks = []
    for forms in alike.values():
        if len(forms) > 1:
            days = [_moments(raw, Dates.model_construct(formats=(form,), timezone=dates.timezone))[0] for form in forms]
            likely = [f"CASE WHEN {day} BETWEEN DATE '1900-01-01' AND DATE '{today}' THEN {day} END" for day in days]
            checks.append(f"len(list_distinct([{', '.join(likely)}])) > 1")
    return f"({' OR '.join(checks)})" if checks else None


def _unlike(dates: Dates) -> str:
    return "not a date of the form " + " or ".join(dates.formats)


def parse_all(mapping: Mapping, raw: dict[str, str], today: date, now_us: int) -> dict[str, ParsedColumn]:
    """The parsers of every mapped field; `raw` has the SQL of each field's text. `diagnoses` is not among them."""
    served = [
        local_day(raw[field], mapping.dates_of(field))
        for field in ("service_from", "service_to", "received_at")
        if field in raw
    ]
    parsers: dict[str, Callable[[str], ParsedColumn]] = {
        "line": lambda sql: whole(sql, 0, 100_000),
        "received_at": lambda sql: instant(sql, mapping.dates_of("received_at"), today, now_us, EARLIEST_RECEIPT),
        "service_from": lambda sql: service_day(sql, mapping.dates_of("service_from"), today),
        "service_to": lambda sql: service_day(sql, mapping.dates_of("service_to"), today),
        "region": lambda sql: text(sql, MAX_REGION),
        "specialty": lambda sql: text(sql, MAX_SPECIALTY),
        "age_years": lambda sql: whole(sql, 0, 130),
        "birth_date": lambda sql: birth_day(sql, mapping.dates_of("birth_date"), today, served),
        "sex": lambda sql: sex(sql, mapping.sex),
        # Negative ones are read: what they reverse is determined once all rows are read (`build`).
        "amount": lambda sql: whole_claims(mapping, amount(sql, mapping.money.model_copy(update={"negative": "net"}))),
        "units": lambda sql: whole(sql, 0 if mapping.rows == "lines" else 1, 1_000_000),
        "lines": lambda sql: whole(sql, 1, 100_000),
        "diagnosis_count": lambda sql: whole(sql, 1, 1_000),
        "benefit_limit": lambda sql: amount(sql, mapping.money),
        "voided_at": lambda sql: instant(sql, mapping.dates_of("voided_at"), today, now_us),
        "label": lambda sql: label(sql, mapping.label),
        "label_kind": lambda sql: text(sql, 64),
        "label_source": lambda sql: text(sql, 64),
        "label_known_at": lambda sql: instant(sql, mapping.dates_of("label_known_at"), today, now_us),
    }
    kinds = {field: mapping.identifier_kind(field) for field in raw}
    return {
        field: parsers[field](sql) if (kind := kinds[field]) is None else identifier(sql, kind)
        for field, sql in raw.items()
    }
