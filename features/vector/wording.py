"""A feature in words: its declared template, filled with its value and with what is known of the claim.

A template holds `{value}`, shown in the feature's unit, and `{x.…}`, a number or text of what is known
(`inputs.py`), shown plainly or as `:count`, `:money` (cents) or `:month` (microseconds since the epoch).
`{value:.1f}` and its like are Python's own formats. `:s`, `:were` and `:have`, of either, are the ending of a noun and
the verbs that go with that many: `{value} claim{value:s} … {value:were} confirmed`.
"""

import math
from collections.abc import Callable, Sequence
from functools import cache
from operator import attrgetter
from string import Formatter
from types import SimpleNamespace
from typing import Any

from core import clock
from features.declare import Feature, Unit

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def describe(
    feature: Feature, x: SimpleNamespace, value: float | None, *, raising: bool, typical: float | None = None
) -> str:
    """The sentence, without a full stop: why the feature speaks for fraud (`raising`) or against it.

    `value` is the feature's, `None` where it is missing. `typical` is that of the typical claim; it is added where the
    words show a value that means little without it. Where a sentence needs something that is not known, the feature's
    meaning and value stand for it.
    """
    text = _sentence(feature, x, value, raising=raising)
    if value is None or typical is None or not (feature.agrees.needs_typical and "{value" in feature.raises):
        return text
    return f"{text} (typical: {format_value(typical, feature.unit)})"


def _sentence(feature: Feature, x: SimpleNamespace, value: float | None, *, raising: bool) -> str:
    if value is None:
        template = feature.missing
        if not template:
            return f"Not known: {_first_lower(feature.meaning)}"
    else:
        template = feature.raises if raising else feature.lowers
    try:
        return "".join(part if isinstance(part, str) else part(feature.unit, x, value) for part in _parts(template))
    except _NotKnownError:
        shown = "not known" if value is None else format_value(value, feature.unit)
        return f"{feature.meaning.rstrip('.')}: {shown}"


def describe_series(features: Sequence[Feature], values: Sequence[float], typical: Sequence[float | None]) -> str:
    """One fact over several windows: `Claims of this provider in 7 and 30 days: 2 and 31 (typical: 1 and 4)`."""
    days = _listed([feature.window.removesuffix(" days").removesuffix(" day") for feature in features])
    shown = _listed([format_value(value, feature.unit) for feature, value in zip(features, values, strict=True)])
    text = f"{features[0].series} in {days} days: {shown}"
    usual = [format_value(value, f.unit) for f, value in zip(features, typical, strict=True) if value is not None]
    return f"{text} (typical: {_listed(usual)})" if len(usual) == len(features) else text


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


class _NotKnownError(Exception):
    pass


_Part = Callable[[Unit, SimpleNamespace, float | None], str]


@cache
def _parts(template: str) -> tuple[str | _Part, ...]:
    """A template taken apart once: texts, and functions that fill a place."""
    parts: list[str | _Part] = []
    for text, field, spec, _ in Formatter().parse(template):
        if text:
            parts.append(text)
        if field is not None:
            parts.append(_place(field, spec or ""))
    return tuple(parts)


def _place(field: str, spec: str) -> _Part:
    if field == "value":
        if spec in _AGREES:
            return lambda unit, x, value: _AGREES[spec](_known(value))
        if spec:
            return lambda unit, x, value: format(_known(value), spec)
        return lambda unit, x, value: format_value(_known(value), unit)
    if not field.startswith("x."):
        raise ValueError(f"a template knows `value` and `x`, not {field!r}")
    get = attrgetter(field[2:])
    show = _SHOWN[spec]

    def fill(unit: Unit, x: SimpleNamespace, value: float | None) -> str:
        try:
            found = get(x)
        except AttributeError:
            raise _NotKnownError from None
        return show(_known(found))

    return fill


def _known(value: Any) -> Any:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        raise _NotKnownError
    return value


def format_value(value: float, unit: Unit) -> str:
    """A value as a reader wants it: `4.2×`, `5,000.00`, `12 days`, `97 %`, `2.3 deviations above`."""
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
                return _of(value / 24, "day")
            return _of(value, "hour") if value >= 1 else _of(round(value * 60), "minute")
        case "days":
            return _of(value, "day")
        case "units":
            return _of(value, "unit")
        case "flag":
            return "yes" if value else "no"
        case "count":
            return _count(value)


def _share(value: float) -> str:
    """Whole per cent; near none and near all with a decimal, so that neither is said of what is not."""
    near = 0 < value < 0.01 or 0.99 < value < 1
    return f"{min(value, 0.999):.1%}".replace("%", " %") if near else f"{value:.0%}".replace("%", " %")


def _agrees(one: str, many: str) -> Callable[[float], str]:
    return lambda value: one if _count(value) == "1" else many


def _count(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) or value >= 100 else f"{value:,.1f}"


def _of(value: float, noun: str) -> str:
    number = _count(round(value) if value >= 10 else round(value, 1))
    return f"{number} {noun}" if number == "1" else f"{number} {noun}s"


def _money(cents: float) -> str:
    return f"{cents / 100:,.2f}"


def _month(us: float) -> str:
    if us <= 0:
        raise _NotKnownError
    at = clock.from_micros(int(us))
    return f"{_MONTHS[at.month - 1]} {at.year}"


def _first_lower(meaning: str) -> str:
    return meaning[:1].lower() + meaning[1:].rstrip(".")


_AGREES = {"s": _agrees("", "s"), "were": _agrees("was", "were"), "have": _agrees("has", "have")}
_SHOWN: dict[str, Callable[[Any], str]] = {"": str, "count": _count, "money": _money, "month": _month, **_AGREES}
