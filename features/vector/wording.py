"""A feature as text: its declared template, filled with its value and with the inputs of the claim.

A template holds `{value}`, shown in the feature's unit, and `{x.…}`, a number or text of the inputs (`inputs.py`),
shown plainly or as `:count`, `:money` (cents) or `:month` (microseconds since the epoch). `{value:.1f}` and the like
are Python's own formats. `:s`, `:were` and `:have`, of either, are a plural ending and the verbs that agree with the
number: `{value} claim{value:s} … {value:were} confirmed`.
"""

import math
from collections.abc import Callable, Sequence
from functools import cache
from operator import attrgetter
from string import Formatter
from typing import TypeAlias

from core import clock
from features.declare import Feature, Unit
from features.vector.inputs import ClaimInputs

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def describe(
    feature: Feature, x: ClaimInputs, value: float | None, *, raising: bool, typical: str | None = None
) -> str:
    """The sentence, without a full stop: why the feature raises the risk (`raising`) or lowers it.

    `value` is the feature's, `None` where it is missing. `typical` is that of the typical claim, as `show` shows it; it
    is added where the text shows a value that means little without it. Where a sentence needs an input that is missing,
    the feature's meaning and value replace it.
    """
    if feature.shown is not None and value is not None:
        return _stated(feature, feature.shown(value), typical)
    text = _sentence(feature, x, value, raising=raising)
    if value is None or typical is None or not (feature.agrees.needs_typical and "{value" in feature.raises):
        return text
    return f"{text} (typical: {typical})"


def _stated(feature: Feature, shown: str, typical: str | None) -> str:
    """The value of an attribute, with the typical number beside it."""
    text = f"{feature.meaning}: {shown}"
    return f"{text} (typical: {typical})" if typical is not None and feature.unit in _COUNTED else text


def show(feature: Feature, value: float) -> str:
    """A value of a feature, as texts show it."""
    return format_value(value, feature.unit) if feature.shown is None else feature.shown(value)


def quantity(value: float, unit: str) -> str:
    """A number of an attribute, to four significant digits below 1,000, with its unit."""
    number = f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.4g}"
    return f"{number} {unit}".rstrip()


def in_sentence(meaning: str) -> str:
    """A meaning inside a sentence: its first letter small, unless the word is an abbreviation or a name in capitals."""
    return meaning if meaning[1:2].isupper() else meaning[:1].lower() + meaning[1:]


def _sentence(feature: Feature, x: ClaimInputs, value: float | None, *, raising: bool) -> str:
    if value is None:
        template = feature.missing
        if not template:
            return f"Not known: {_first_lower(feature.meaning)}"
    else:
        template = feature.raises if raising else feature.lowers
    try:
        return "".join([part if isinstance(part, str) else part(feature.unit, x, value) for part in _parts(template)])
    except _MissingInputError:
        shown = "not known" if value is None else format_value(value, feature.unit)
        return f"{feature.meaning.rstrip('.')}: {shown}"


def describe_series(features: Sequence[Feature], values: Sequence[float], typical: Sequence[str | None]) -> str:
    """One fact over several windows: `Claims of this provider in 7 and 30 days: 2 and 31 (typical: 1 and 4)`.

    `typical` are the typical claim's values, as `show` shows them.
    """
    days = _listed([feature.window.removesuffix(" days").removesuffix(" day") for feature in features])
    shown = _listed([format_value(value, feature.unit) for feature, value in zip(features, values, strict=True)])
    text = f"{features[0].series} in {days} days: {shown}"
    usual = [one for one in typical if one is not None]
    return f"{text} (typical: {_listed(usual)})" if len(usual) == len(features) else text


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


class _MissingInputError(Exception):
    """A text needs an input that is missing; `describe` states meaning and value instead."""


_Part: TypeAlias = Callable[[Unit, ClaimInputs, float | None], str]


@cache
def _parts(template: str) -> tuple[str | _Part, ...]:
    """A template parsed once: texts, and functions that fill a placeholder."""
    parts: list[str | _Part] = []
    for text, field, spec, _ in Formatter().parse(template):
        if text:
            parts.append(text)
        if field is not None:
            parts.append(_placeholder(field, spec or ""))
    return tuple(parts)


def _placeholder(field: str, spec: str) -> _Part:
    if field == "value":
        if spec in _AGREEING:
            return lambda unit, x, value: _AGREEING[spec](_number(value))
        if spec:
            return lambda unit, x, value: format(_number(value), spec)
        return lambda unit, x, value: format_value(_number(value), unit)
    if not field.startswith("x."):
        raise ValueError(f"invalid placeholder {field!r}: a template has `value` and `x.…`")
    get = attrgetter(field[2:])
    if not spec:
        return lambda unit, x, value: _text(_input(get, x))
    show = _SHOWN[spec]
    return lambda unit, x, value: show(_number(_input(get, x)))


def _input(get: "attrgetter[float | str | None]", x: ClaimInputs) -> float | str | None:
    try:
        return get(x)
    except AttributeError:
        raise _MissingInputError from None


def _number(value: float | str | None) -> float:
    if value is None or isinstance(value, str) or not math.isfinite(value):
        raise _MissingInputError
    return value


def _text(value: float | str | None) -> str:
    return value if isinstance(value, str) else str(_number(value))


def format_value(value: float, unit: Unit) -> str:
    """A value in its unit: `4.2×`, `5,000.00`, `12 days`, `97 %`, `2.3 deviations above`."""
    match unit:
        case "currency":
            return f"{value:,.2f}"
        case "ratio":
            return f"{value:.2f}×" if value < 0.995 else f"{value:,.1f}×"
        case "share":
            return _share(value)
        case "deviations":
            return f"{abs(value):.1f} deviations {'above' if value >= 0 else 'below'}"
        case "hours":
            if value >= 48:
                return _quantity(value / 24, "day")
            return _quantity(value, "hour") if value >= 1 else _quantity(round(value * 60), "minute")
        case "days":
            return _quantity(value, "day")
        case "units":
            return _quantity(value, "unit")
        case "flag":
            return "yes" if value else "no"
        case "count" | "level":
            return _count(value)


def _share(value: float) -> str:
    """Whole per cent; with a decimal near 0 and 100, so that neither is stated where it is not exact."""
    near = 0 < value < 0.01 or 0.99 < value < 1
    return f"{min(value, 0.999):.1%}".replace("%", " %") if near else f"{value:.0%}".replace("%", " %")


def _agreeing(one: str, many: str) -> Callable[[float], str]:
    return lambda value: one if _count(value) == "1" else many


def _count(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) or value >= 100 else f"{value:,.1f}"


def _quantity(value: float, noun: str) -> str:
    number = _count(round(value) if value >= 10 else round(value, 1))
    return f"{number} {noun}" if number == "1" else f"{number} {noun}s"


def _money(cents: float) -> str:
    return f"{cents / 100:,.2f}"


def _month(us: float) -> str:
    if us <= 0:
        raise _MissingInputError
    at = clock.from_micros(int(us))
    return f"{_MONTHS[at.month - 1]} {at.year}"


def _first_lower(meaning: str) -> str:
    return meaning[:1].lower() + meaning[1:].rstrip(".")


_COUNTED = ("count", "days")
"""Units of attributes that mean more beside the typical value."""
_AGREEING = {"s": _agreeing("", "s"), "were": _agreeing("was", "were"), "have": _agreeing("has", "have")}
_SHOWN: dict[str, Callable[[float], str]] = {"count": _count, "money": _money, "month": _month, **_AGREEING}
