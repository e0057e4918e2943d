"""Amounts and numbers by expression are what exact fractions say, and every row without a result says why."""

from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.ingest import Mapping, Money
from pipelines.ingest.expression import (
    BinaryOperation,
    ColumnValue,
    Constant,
    ExpressionError,
    Node,
    columns_of,
    degree,
    double_sql,
    parse_expression,
    shown,
)
from pipelines.ingest.expression_fields import computed_amount
from tests.pipelines.claims_files import claims, ingest, rejects

NAMES = ("a", "b", "The c")

leaves = st.one_of(
    st.builds(ColumnValue, st.sampled_from(NAMES), st.sampled_from([None, None, Decimal(0), Decimal(2)])),
    st.builds(Constant, st.decimals(0, 999, places=2)),
)
trees = st.recursive(
    leaves, lambda inner: st.builds(BinaryOperation, st.sampled_from("+-*/"), inner, inner), max_leaves=6
).filter(lambda tree: columns_of(tree) and degree(tree) <= 3)
amounts = st.one_of(st.none(), st.decimals(-9_999, 9_999, places=2), st.just(Decimal(0)))


def exactly(node: Node, row: dict[str, Decimal | None]) -> Fraction | None:
    """The oracle; raises `ZeroDivisionError`."""
    match node:
        case Constant(value):
            return Fraction(value)
        case ColumnValue(name, default):
            value = row[name] if row[name] is not None else default
            return None if value is None else Fraction(value)
        case BinaryOperation(operator, left, right):
            a, b = exactly(left, row), exactly(right, row)
            if b == 0 and operator == "/":
                raise ZeroDivisionError
            if a is None or b is None:
                return None
            return {"+": a + b, "-": a - b, "*": a * b}[operator] if operator != "/" else a / b


def half_away(cents: Fraction) -> int:
    whole = int(abs(cents) + Fraction(1, 2))
    return whole if cents >= 0 else -whole


def query(rows: list[dict[str, Any]], *expressions: str) -> list[tuple[Any, ...]]:
    """Evaluate SQL over rows whose columns are t0, t1, t2."""
    listed = ", ".join("(" + ", ".join(_sql(row[name]) for name in NAMES) + ")" for row in rows)
    return duckdb.sql(f"SELECT {', '.join(expressions)} FROM (VALUES {listed}) AS t(t0, t1, t2)").fetchall()


def _sql(value: object) -> str:
    return "NULL::VARCHAR" if value is None else f"'{value}'"


@settings(max_examples=80, deadline=None)
@given(trees, st.lists(st.fixed_dictionaries(dict.fromkeys(NAMES, amounts)), min_size=1, max_size=12))
def test_an_amount_is_the_exact_fraction_rounded_once(tree: Node, rows: list[dict[str, Decimal | None]]) -> None:
    tree = parse_expression(shown(tree)) if "/ 0" not in shown(tree) else tree
    columns = {name: f"t{NAMES.index(name)}" for name in columns_of(tree)}
    parsed = computed_amount(tree, columns, Money())
    problem = parsed.problem.replace("@v", f"({parsed.value})")
    for row, (value, why) in zip(rows, query(rows, parsed.value, problem), strict=True):
        try:
            expected = exactly(tree, row)
        except ZeroDivisionError:
            assert "division by zero" in why
            continue
        if expected is None:
            assert value is None
        elif why is None:
            assert value == half_away(expected * 100)
        else:
            assert abs(expected) * 100 > 10_000_000_000 or "too large to compute" in why


@settings(max_examples=60, deadline=None)
@given(trees, st.lists(st.fixed_dictionaries(dict.fromkeys(NAMES, st.floats(-1e6, 1e6))), min_size=1, max_size=8))
def test_a_number_is_what_python_computes_in_double_precision(tree: Node, rows: list[dict[str, float]]) -> None:
    columns = {name: f"t{NAMES.index(name)}::DOUBLE" for name in NAMES}
    for row, (value,) in zip(rows, query(rows, double_sql(tree, columns)), strict=True):
        assert value == _double(tree, row)


def _double(node: Node, row: dict[str, float]) -> float | None:
    match node:
        case Constant(value):
            return float(value)
        case ColumnValue(name, _):
            return row[name]
        case BinaryOperation(operator, left, right):
            a, b = _double(left, row), _double(right, row)
            if a is None or b is None or (operator == "/" and b == 0):
                return None
            return {"+": a + b, "-": a - b, "*": a * b}[operator] if operator != "/" else a / b


@given(trees)
def test_an_expression_that_is_shown_is_the_same_expression(tree: Node) -> None:
    if "/ 0" not in shown(tree):
        assert parse_expression(shown(tree)) == tree


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "ends where a column or a number is expected"),
        ("a +", "ends where a column or a number is expected"),
        ("a b", "unexpected 'b'; put an operator before it"),
        ("(a + b", "a parenthesis is not closed"),
        ("a / 0", "division by zero"),
        ("1 + 2", "names at least one column"),
        ("a or b", "`or` needs a number after it"),
        ("a ** b", "'*' where a column, a number or a parenthesis is expected"),
        ("a; DROP TABLE chunk", "cannot be read"),
        ("__import__(os)", "unexpected '('"),
        ("a['b']", "cannot be read"),
        ("a * a * a * a * a * a * a", "at most 6 columns can be multiplied"),
        ("a * b * (c or 0.1234567)", "has more than 6 decimals"),
        ("(" * 30 + "a" + ")" * 30, "more than 20 parentheses"),
        ("a" + " + a" * 200, "at most 500 characters"),
        ("a" + " * 0.000000001" * 5, "too many digits together"),
    ],
)
def test_a_text_that_is_no_expression_is_refused_with_the_reason(text: str, problem: str) -> None:
    with pytest.raises(ExpressionError, match=problem.replace("(", r"\(").replace("*", r"\*")):
        parse_expression(text)


BASE: dict[str, Any] = {
    "name": "computed",
    "columns": {"claim_id": "id", "received_at": "day", "label": "fraud"},
    "expressions": {"amount": 'Units * "Unit price" + (Deductible or 0) - 0.005 * Units'},
    "features": {"price_share": {"type": "number", "meaning": "Share", "expression": '"Unit price" / Units'}},
}
HEADER = "id,day,fraud,Units,Unit price,Deductible"


def read(tmp_path: Path, *rows: str, **changes: Any) -> tuple[Any, list[dict[str, Any]], list[str]]:
    outcome = ingest(tmp_path, [HEADER, *rows], Mapping.model_validate(BASE | changes))
    return outcome, claims(outcome), [reason for _, _, _, reason in rejects(outcome)]


def test_amounts_and_features_are_computed_and_rows_without_a_result_say_why(tmp_path: Path) -> None:
    outcome, found, reasons = read(
        tmp_path,
        "A,2025-01-01,0,3,1.335,10",
        "B,2025-01-01,0,2,1.00,",
        "C,2025-01-01,0,,1.00,1",
        "D,2025-01-01,0,2,one,1",
        "E,2025-01-01,0,0,1.00,4",
        "F,2025-01-01,0,2,-7.00,1",
    )
    assert [(row["claim_id"], row["amount_cents"]) for row in found] == [("A", 1399), ("B", 199)]
    attributes = pq.read_table(outcome.folder / "attributes.parquet").to_pylist()
    assert [row["price_share"] for row in attributes] == [1.335 / 3, 0.5]
    assert reasons == [
        '"Units" has no value; write ("Units" or 0) where that means zero',
        '"Unit price" is not an amount such as 1250.00',
        'division by zero: "Units" is 0; on_bad: null keeps the row without this value',
        "a negative amount (money.negative: net reduces its claim by it)",
    ]


def test_an_invalid_number_of_an_expression_becomes_null_where_the_mapping_says_so(tmp_path: Path) -> None:
    outcome, found, _ = read(tmp_path, "E,2025-01-01,0,0,1.00,4", on_bad={"price_share": "flag"})
    (values,) = pq.read_table(outcome.folder / "attributes.parquet").to_pylist()
    assert (found[0]["amount_cents"], values["price_share"], values["price_share_invalid"]) == (400, None, True)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"columns": {"amount": "x", "received_at": "day"}}, "both under expressions and under columns"),
        ({"expressions": {"units": "a"}}, "amount"),
        ({"expressions": {"amount": "a +"}}, "the expression ends"),
        ({"features": {"x": {"type": "category", "meaning": "X", "expression": "a"}}}, "type: number"),
        ({"features": {"x": {"type": "number", "meaning": "X", "expression": "a", "column": "b"}}}, "state one of"),
        ({"money": {"plus": ["a"]}}, "Extra inputs are not permitted"),
    ],
)
def test_a_mapping_with_a_wrong_expression_is_refused(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Mapping.model_validate(BASE | changes)


def test_an_amount_in_cents_and_a_decimal_comma_are_read_as_money_says(tmp_path: Path) -> None:
    changes = {"expressions": {"amount": "Units + Deductible / 3"}, "features": {}}
    _, found, _ = read(
        tmp_path, 'A,2025-01-01,0,1.000,x,"1,00"', **changes, money={"unit": "cents", "decimal": ",", "thousands": "."}
    )
    assert found[0]["amount_cents"] == 1000
