"""Arithmetic over columns of a claims file, such as `Charge + (Deductible or 0)`, compiled to SQL.

An expression has numbers, columns, `+ - * /` and parentheses; `COLUMN or NUMBER` states what an empty column counts as.
A column whose name is not one word is quoted: `"Total Charge" - Discount`. Without `or` an empty column makes the
result empty. Amounts are computed exactly, as fractions of whole numbers of 128 bits, and rounded once at the end, half
a cent away from zero; numbers in double precision, as Python computes them.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, BeforeValidator

MAX_CHARACTERS = 500
MAX_COLUMNS = 16
MAX_DEPTH = 20
MAX_DEGREE = 6
"""Most columns that are multiplied with one another."""
DECIMALS = 18
"""Decimals of an amount in a sum. Of the columns of a product of n each may have the n-th part of them."""

_TOKEN = re.compile(r'\s*(?:(\d{1,15}(?:\.\d{0,9})?|\.\d{1,9})|"((?:[^"]|"")+)"|([^\W\d]\w*)|([-+*/()]))')


class ExpressionError(ValueError):
    """A text is not an expression; the message says where and what is allowed."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A number that is not negative."""

    value: Decimal


@dataclass(frozen=True, slots=True)
class ColumnValue:
    """The value of a column."""

    name: str
    default: Decimal | None = None
    """What it counts as where it is empty; None: the result is empty."""


@dataclass(frozen=True, slots=True)
class BinaryOperation:
    """Two operands and `+`, `-`, `*` or `/`."""

    operator: str
    left: "Node"
    right: "Node"


Node: TypeAlias = Constant | ColumnValue | BinaryOperation


def columns_of(node: Node) -> tuple[str, ...]:
    """The columns of an expression, once each, in their order."""
    return tuple(dict.fromkeys(leaf.name for leaf in _leaves(node) if isinstance(leaf, ColumnValue)))


def required_columns(node: Node) -> tuple[str, ...]:
    """Those without which there is no result."""
    found = [leaf for leaf in _leaves(node) if isinstance(leaf, ColumnValue)]
    return tuple(dict.fromkeys(leaf.name for leaf in found if leaf.default is None))


def divisors_of(node: Node) -> tuple[Node, ...]:
    """What an expression divides by, innermost first."""
    if not isinstance(node, BinaryOperation):
        return ()
    own = (node.right,) if node.operator == "/" else ()
    return tuple(dict.fromkeys((*divisors_of(node.left), *divisors_of(node.right), *own)))


def _leaves(node: Node) -> Iterator[Constant | ColumnValue]:
    if isinstance(node, BinaryOperation):
        yield from _leaves(node.left)
        yield from _leaves(node.right)
    else:
        yield node


def shown(node: Node) -> str:
    """An expression as text, as messages show it."""
    match node:
        case Constant(value):
            return str(value)
        case ColumnValue(name, default):
            quoted = '"' + name.replace('"', '""') + '"'
            return quoted if default is None else f"({quoted} or {default})"
        case BinaryOperation(operator, left, right):
            return f"({shown(left)} {operator} {shown(right)})"


class _Parser:
    """Recursive descent over the tokens of a text."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_CHARACTERS:
            raise ExpressionError(f"an expression has at most {MAX_CHARACTERS} characters")
        self._tokens, self._at, self._depth = list(_tokens(text)), 0, 0

    def parse(self) -> Node:
        node = self._sum()
        if self._at < len(self._tokens):
            raise ExpressionError(f"unexpected {self._tokens[self._at][1]!r}; put an operator before it: + - * /")
        return node

    def _sum(self) -> Node:
        node = self._product()
        while operator := self._take("+", "-"):
            node = BinaryOperation(operator, node, self._product())
        return node

    def _product(self) -> Node:
        node = self._signed()
        while operator := self._take("*", "/"):
            right = self._signed()
            if operator == "/" and isinstance(right, Constant) and not right.value:
                raise ExpressionError("division by zero")
            node = BinaryOperation(operator, node, right)
        return node

    def _signed(self) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ExpressionError(f"more than {MAX_DEPTH} parentheses or signs within one another")
        try:
            sign = self._take("-", "+")
            if sign is None:
                return self._operand()
            node = self._signed()
            return BinaryOperation("-", Constant(Decimal(0)), node) if sign == "-" else node
        finally:
            self._depth -= 1

    def _operand(self) -> Node:
        kind, text = self._next()
        if kind == "number":
            return Constant(Decimal(text))
        if kind in ("quoted", "name") and (kind, text) != ("name", "or"):
            return ColumnValue(" ".join(text.split()), self._default())
        if text != "(":
            raise ExpressionError(f"{text!r} where a column, a number or a parenthesis is expected")
        node = self._sum()
        if self._take(")") is None:
            raise ExpressionError("a parenthesis is not closed")
        return node

    def _default(self) -> Decimal | None:
        if self._at < len(self._tokens) and self._tokens[self._at] == ("name", "or"):
            self._at += 1
            negative = self._take("-") is not None
            kind, text = self._next()
            if kind != "number":
                raise ExpressionError(f"`or` needs a number after it, such as `or 0`, not {text!r}")
            return -Decimal(text) if negative else Decimal(text)
        return None

    def _next(self) -> tuple[str, str]:
        if self._at == len(self._tokens):
            raise ExpressionError("the expression ends where a column or a number is expected")
        self._at += 1
        return self._tokens[self._at - 1]

    def _take(self, *operators: str) -> str | None:
        if self._at < len(self._tokens):
            kind, text = self._tokens[self._at]
            if kind == "operator" and text in operators:
                self._at += 1
                return text
        return None


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(text.rstrip()):
        found = _TOKEN.match(text, at)
        if found is None:
            raise ExpressionError(
                f"{text[at:].strip()[:20]!r} cannot be read; an expression has columns (quoted unless one word), "
                "numbers with up to 9 decimals, + - * / and parentheses"
            )
        number, quoted, name, operator = found.groups()
        if number is not None:
            yield "number", number
        elif quoted is not None:
            yield "quoted", quoted.replace('""', '"')
        else:
            yield ("name", name) if name is not None else ("operator", operator)
        at = found.end()


def parse_expression(text: str) -> Node:
    """Parse an expression. Raises `ExpressionError`."""
    node = _Parser(text).parse()
    columns = columns_of(node)
    if not columns:
        raise ExpressionError("an expression names at least one column; state a constant under constants")
    if len(columns) > MAX_COLUMNS:
        raise ExpressionError(f"an expression has at most {MAX_COLUMNS} columns")
    if degree(node) > MAX_DEGREE:
        raise ExpressionError(f"at most {MAX_DEGREE} columns can be multiplied with one another")
    decimals = decimals_of(node)
    for leaf in _leaves(node):
        if isinstance(leaf, ColumnValue) and leaf.default is not None and leaf.default % Decimal(10) ** -decimals:
            raise ExpressionError(f"{leaf.default} has more than {decimals} decimals")
    exact_sql(node, dict.fromkeys(columns, "NULL"), 100)
    return node


def _checked(text: str) -> str:
    parse_expression(text)
    return text


Expression = Annotated[
    str, BeforeValidator(lambda value: value if isinstance(value, str) else str(value)), AfterValidator(_checked)
]
"""The text of an expression, validated."""


def degree(node: Node) -> int:
    """How many columns are multiplied, in the numerator or the denominator of the result; at least 1."""
    return max(1, *_degrees(node))


def _degrees(node: Node) -> tuple[int, int]:
    match node:
        case Constant():
            return 0, 0
        case ColumnValue():
            return 1, 0
        case BinaryOperation(operator, left, right):
            (over, under), (right_over, right_under) = _degrees(left), _degrees(right)
            if operator == "*":
                return over + right_over, under + right_under
            if operator == "/":
                return over + right_under, under + right_over
            return max(over + right_under, right_over + under), under + right_under


@dataclass(frozen=True, slots=True)
class _Fraction:
    """SQL of `over` / (`under` · 10^`scale`), each a whole number; `under` None: 1."""

    over: str
    under: str | None
    scale: int


def _whole(value: int) -> str:
    if abs(value) >= 10**38:
        raise ExpressionError("its numbers have too many digits together; write them with fewer decimals")
    return f"'{value}'::HUGEINT"


def _times(sql: str, power: int) -> str:
    return sql if power == 0 else f"({sql} * {_whole(10**power)})"


def _product(*factors: str | None) -> str | None:
    found = [factor for factor in factors if factor is not None]
    return "(" + " * ".join(found) + ")" if found else None


def _fraction(node: Node, column: Callable[[ColumnValue], _Fraction]) -> _Fraction:
    match node:
        case Constant(value):
            return _constant(value)
        case ColumnValue():
            return column(node)
        case BinaryOperation(operator, left, right):
            a, b = _fraction(left, column), _fraction(right, column)
            if operator == "*":
                return _Fraction(f"({a.over} * {b.over})", _product(a.under, b.under), a.scale + b.scale)
            if operator == "/":
                over = _product(a.over, b.under) or a.over
                return _Fraction(over, _product(a.under, b.over), a.scale - b.scale)
            scale = max(a.scale, b.scale)
            first, second = _times(a.over, scale - a.scale), _times(b.over, scale - b.scale)
            if a.under == b.under:
                return _Fraction(f"({first} {operator} {second})", a.under, scale)
            first, second = _product(first, b.under) or first, _product(second, a.under) or second
            return _Fraction(f"({first} {operator} {second})", _product(a.under, b.under), scale)


def _constant(value: Decimal) -> _Fraction:
    scale = -int(value.as_tuple().exponent)
    return _Fraction(_whole(int(value.scaleb(scale))), None, scale)


def decimals_of(node: Node) -> int:
    """Decimals that each column of an amount may have."""
    return DECIMALS // degree(node)


def exact_sql(node: Node, columns: Mapping[str, str], cents: int) -> str:
    """SQL of an amount in cents, rounded half away from zero; NULL where a value is missing, and where it is too large.

    `columns` has the SQL of each column, a whole number of 10^-`decimals_of`; `cents` is how many there are in a unit
    (1 or 100).
    """
    result = _fraction(node, _reader(node, columns))
    scale = result.scale - (2 if cents == 100 else 0)
    over = _times(result.over, max(0, -scale))
    under = _times(result.under or _whole(1), max(0, scale))
    halved = f"(2 * abs({over}) + abs({under})) // (2 * abs({under}))"
    return f"TRY(sign({over})::HUGEINT * sign({under})::HUGEINT * ({halved}))"


def zero_sql(divisor: Node, whole: Node, columns: Mapping[str, str]) -> str:
    """SQL of whether a divisor of the expression `whole` is zero, exactly."""
    return f"TRY({_fraction(divisor, _reader(whole, columns)).over} = 0)"


def _reader(whole: Node, columns: Mapping[str, str]) -> Callable[[ColumnValue], _Fraction]:
    scale = decimals_of(whole)

    def read(column: ColumnValue) -> _Fraction:
        sql = columns[column.name]
        if column.default is not None:
            sql = f"COALESCE({sql}, {_whole(int(column.default.scaleb(scale)))})"
        return _Fraction(sql, None, scale)

    return read


def double_sql(node: Node, columns: Mapping[str, str]) -> str:
    """SQL of a number in double precision; `columns` has the SQL of each column, a DOUBLE. Division by zero is NULL."""
    match node:
        case Constant(value):
            return f"{float(value)!r}::DOUBLE"
        case ColumnValue(name, default):
            sql = columns[name]
            return sql if default is None else f"COALESCE({sql}, {float(default)!r}::DOUBLE)"
        case BinaryOperation(operator, left, right):
            a, b = double_sql(left, columns), double_sql(right, columns)
            return f"({a} / NULLIF({b}, 0))" if operator == "/" else f"({a} {operator} {b})"
