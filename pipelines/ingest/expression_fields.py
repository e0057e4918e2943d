"""Parsers of fields and features that are arithmetic over columns, and of plain numbers: SQL as in `fields.py`."""

from collections.abc import Mapping as Names

from claims.attributes import MAX_NUMBER
from claims.money import MAX_CENTS
from pipelines.ingest.expression import (
    Node,
    columns_of,
    decimals_of,
    divisors_of,
    double_sql,
    exact_sql,
    parse_expression,
    required_columns,
    shown,
    zero_sql,
)
from pipelines.ingest.fields import ParsedColumn, literal, whole_claims, written_amount
from pipelines.ingest.formats import AttributeColumn, Money
from pipelines.ingest.mapping import Mapping

_DECIMALS = 18


def parse_expressions(mapping: Mapping, names: Names[str, str]) -> dict[str, ParsedColumn]:
    """The parsers of the fields that are computed; `names` has the SQL of each column's text."""
    found: dict[str, ParsedColumn] = {}
    for field, text in mapping.expressions.items():
        tree = parse_expression(text)
        parsed = computed_amount(tree, {column: names[column] for column in columns_of(tree)}, mapping.money)
        if field == "amount":
            missing = _missing(tree, names)
            found[field] = whole_claims(mapping, ParsedColumn(parsed.value, f"COALESCE({missing}, {parsed.problem})"))
        else:
            negative = "CASE WHEN @v < 0 THEN 'a negative amount' END"
            found[field] = ParsedColumn(parsed.value, f"COALESCE({parsed.problem}, {negative})")
    return found


def _missing(tree: Node, names: Names[str, str]) -> str:
    """SQL of the problem that a column without a value is, where the result is required."""
    arms = [
        f"WHEN {names[column]} IS NULL THEN "
        + literal(f"{_quoted(column)} has no value; write ({_quoted(column)} or 0) where that means zero")
        for column in required_columns(tree)
    ]
    return f"CASE {' '.join(arms)} END" if arms else "NULL"


def computed_amount(tree: Node, columns: Names[str, str], money: Money) -> ParsedColumn:
    """Cents of an expression, of which `columns` has the SQL of each column's text: exact, rounded once, at the end."""
    decimals, scales = decimals_of(tree), {}
    checks = []
    for column, raw in columns.items():
        written = written_amount(raw, money)
        pattern = f"[+-]?{written.whole}({written.dot}[0-9]{{1,{_DECIMALS}}}0*)?|{written.scientific}"
        number = f"TRY_CAST({written.digits} AS DECIMAL(38, {_DECIMALS}))"
        fine = f"TRY_CAST(replace({number}::VARCHAR, '.', '') AS HUGEINT)"
        step = f"'{10 ** (_DECIMALS - decimals)}'::HUGEINT"
        scales[column] = f"(CASE WHEN regexp_full_match({written.plain}, {literal(pattern)}) THEN {fine} // {step} END)"
        example = "125000" if money.unit == "cents" else f"1250{money.decimal}00"
        unlike = literal(f"{_quoted(column)} is not an amount such as {example}")
        checks += [
            f"WHEN {raw} IS NOT NULL AND {scales[column]} IS NULL THEN {unlike}",
            f"WHEN {fine} % {step} <> 0 THEN {literal(f'{_quoted(column)} has more than {decimals} decimals')}",
        ]
    for divisor in divisors_of(tree):
        zero = f"division by zero: {shown(divisor)} is 0; correct the row, or the expression"
        checks.append(f"WHEN {zero_sql(divisor, tree, scales)} THEN {literal(zero)}")
    required = " AND ".join(f"{columns[column]} IS NOT NULL" for column in required_columns(tree)) or "true"
    checks += [
        f"WHEN @v IS NULL AND {required} THEN 'too large to compute exactly'",
        f"WHEN abs(@v) > {MAX_CENTS} THEN 'over the largest amount'",
    ]
    value = exact_sql(tree, scales, 1 if money.unit == "cents" else 100)
    return ParsedColumn(f"TRY_CAST({value} AS BIGINT)", f"CASE {' '.join(checks)} END")


def computed_number(column: AttributeColumn, names: Names[str, str]) -> ParsedColumn:
    """A number in double precision; `names` has the SQL of each column's text."""
    tree = parse_expression(column.expression or "")
    parsed = {name: parsed_number(names[name], column.decimal, column.thousands) for name in columns_of(tree)}
    values = {name: f"({entry.value})" for name, entry in parsed.items()}
    checks = [
        f"WHEN {names[name]} IS NOT NULL AND {values[name]} IS NULL "
        f"THEN {literal(f'{_quoted(name)} is not a number such as 1250{column.decimal}5')}"
        for name in values
    ]
    for divisor in divisors_of(tree):
        zero = f"division by zero: {shown(divisor)} is 0; on_bad: null keeps the row without this value"
        checks.append(f"WHEN {double_sql(divisor, values)} = 0 THEN {literal(zero)}")
    value = double_sql(tree, values)
    checks.append(f"WHEN NOT isfinite(@v) OR abs(@v) > {MAX_NUMBER:.0f} THEN 'over the largest number'")
    return ParsedColumn(value, f"CASE {' '.join(checks)} END")


def _quoted(column: str) -> str:
    return f'"{column}"'


def parsed_number(raw: str, decimal: str, thousands: str) -> ParsedColumn:
    """A decimal number, also with an exponent, of a magnitude up to `MAX_NUMBER`."""
    dot, group = "\\" + decimal, "\\" + thousands if thousands else ""
    whole = f"([0-9]{{1,3}}({group}[0-9]{{3}})+|[0-9]{{1,30}})" if group else "[0-9]{1,30}"
    pattern = f"[+-]?({whole}({dot}[0-9]{{0,30}})?|{dot}[0-9]{{1,30}})([eE][+-]?[0-9]{{1,3}})?"
    digits = f"replace({raw}, {literal(thousands)}, '')" if thousands else raw
    digits = f"replace({digits}, {literal(decimal)}, '.')"
    value = f"CASE WHEN regexp_full_match({raw}, {literal(pattern)}) THEN TRY_CAST({digits} AS DOUBLE) END"
    problem = (
        f"CASE WHEN {raw} IS NULL THEN NULL "
        f"WHEN @v IS NULL THEN 'not a number such as 1250{decimal}5' "
        f"WHEN abs(@v) > {MAX_NUMBER:.0f} THEN 'over the largest number' END"
    )
    return ParsedColumn(value, problem)
