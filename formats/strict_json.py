"""A strict JSON reader: JSON that parsers could interpret differently is refused.

The standard reader accepts NaN, keeps the last of duplicate keys, parses numbers as floats, and fails on deep nesting
and huge integers. Here numbers keep their digits, and each ambiguity is reported with its field. The work is linear in
the size of the body: digits, exponents and depth are limited while parsing.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

MAX_DEPTH: Final = 8
MAX_DIGITS: Final = 40
"""Longest number, in characters."""
MAX_EXPONENT: Final = 20
"""Largest absolute exponent of a number. `1E-1000000000` has 13 bytes, and a billion digits when expanded."""
_PLAIN: Final = frozenset((int, Decimal, bool, type(None)))


class MalformedJson(ValueError):
    """Bytes that are not JSON in UTF-8; the message says where."""


@dataclass(frozen=True, slots=True)
class JsonFault:
    """A value that is refused."""

    path: str
    """Such as `lines[0].amount`."""
    message: str


class RefusedJson(ValueError):
    """JSON with values that parsers could interpret differently."""

    def __init__(self, faults: Sequence[JsonFault]) -> None:
        super().__init__("; ".join(f"{one.path} {one.message}" for one in faults))
        self.faults = faults


class _RefusedValue:
    """A value that is refused, with the reason."""

    __slots__ = ("message",)

    def __init__(self, message: str) -> None:
        self.message = message


def _pairs(pairs: list[tuple[str, object]]) -> object:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                return _RefusedValue(f"must contain the name {_shown(key)} only once")
            seen.add(key)
    return found


def _integer(digits: str) -> object:
    return int(digits) if len(digits) <= MAX_DIGITS else _too_long()


def _fraction(digits: str) -> object:
    """A number with a point or an exponent; one with an exponent out of range never becomes a `Decimal`."""
    if len(digits) > MAX_DIGITS:
        return _too_long()
    _, mark, exponent = digits.lower().partition("e")
    if mark and abs(int(exponent)) > MAX_EXPONENT:
        return _RefusedValue(
            f"must be a number with an exponent between -{MAX_EXPONENT} and {MAX_EXPONENT}; "
            "write it without an exponent, such as 1250.00"
        )
    return Decimal(digits)


def _too_long() -> _RefusedValue:
    return _RefusedValue(f"must be a number of at most {MAX_DIGITS} characters")


def _constant(name: str) -> object:
    return _RefusedValue(f"must be a number in digits, not {name}")


_decoder = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_int=_integer, parse_float=_fraction, parse_constant=_constant
)


def read(body: bytes, *, max_depth: int = MAX_DEPTH) -> object:
    """The document in `body`: dicts, lists, text, ints, Decimals, booleans, None.

    Raises `MalformedJson` for bytes that are not JSON in UTF-8, `RefusedJson` for JSON with refused values.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise MalformedJson(f"byte {error.start} is not UTF-8; encode the body as UTF-8") from None
    try:
        document = _decoder.decode(text)
    except json.JSONDecodeError as error:
        raise MalformedJson(f"{error.msg.lower()} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise MalformedJson(f"the body must not be nested deeper than {max_depth} levels") from None
    errors: list[JsonFault] = []
    _find_refused(document, "", max_depth, errors)
    if errors:
        raise RefusedJson(errors)
    return document


def _find_refused(value: Any, path: str, levels: int, errors: list[JsonFault]) -> None:
    """Collect every refused value in `value`, which is at `path` and may have so many levels."""
    kind = type(value)
    if kind is str:
        if (wrong := _wrong_text(value)) is not None:
            errors.append(JsonFault(path or "body", wrong))
    elif kind is _RefusedValue:
        errors.append(JsonFault(path or "body", value.message))
    elif kind is dict or kind is list:
        if levels < 1:
            errors.append(JsonFault(path, "must not be nested so deep; the reference states how many levels are read"))
        elif kind is dict:
            _find_in_object(value, path, levels, errors)
        else:
            for at, inner in enumerate(value):
                if type(inner) not in _PLAIN and not (type(inner) is str and inner.isascii() and "\0" not in inner):
                    _find_refused(inner, f"{path}[{at}]", levels - 1, errors)


def _find_in_object(value: dict[str, object], path: str, levels: int, errors: list[JsonFault]) -> None:
    for key, inner in value.items():
        if _wrong_text(key) is not None:
            errors.append(JsonFault(path or "body", "must not contain names with NUL characters or lone surrogates"))
        elif type(inner) not in _PLAIN:
            name = _shown(key)
            _find_refused(inner, f"{path}.{name}" if path else name, levels - 1, errors)


def _wrong_text(text: str) -> str | None:
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        return "must not contain a lone surrogate (half of a character); encode the character as UTF-8"
    return "must not contain a NUL character; remove it" if "\0" in text else None


def _shown(key: str) -> str:
    """A name of the request in a form that may be repeated in a response: short and printable."""
    if len(key) <= 64 and key.isascii() and key.isprintable():
        return key or '""'
    short = "".join(character if character.isprintable() else "?" for character in key[:64])
    return short or '""'
