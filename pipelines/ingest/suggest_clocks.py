"""Columns of a claims file that are a clock: they tell when a claim was received rather than what it is."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import pairwise

from pipelines.ingest.suggest_features import ProposedFeatures
from pipelines.ingest.suggest_sample import FileSample
from pipelines.ingest.suggest_texts import date_formats

LEAST_ROWS = 50
"""Sampled rows with both values from which on a column is compared with the date."""
LEAST_DIFFERENT = 3
EXCEPTIONS = 0.001
"""Share of the rows in the order of their dates whose number may be below that of the row before."""


def leave_out_clocks(sample: FileSample, dates: str, features: ProposedFeatures) -> None:
    """Move features that rise with the column `dates` to `left_out`: a later claim is beyond their training range."""
    forms = [form for form in date_formats(sample.texts(dates)) if "%z" not in form]
    days = {row: at for row, text in _values(sample, dates).items() if (at := _time(text, forms)) is not None}
    for name, entry in list(features.entries.items()):
        column = entry.get("column", "")
        if entry["type"] != "number" or column == dates or "decimal" in entry:
            continue
        numbers = {
            row: number for row, text in _values(sample, column).items() if (number := _number(text)) is not None
        }
        rows = sorted(days.keys() & numbers.keys())
        if len(rows) >= LEAST_ROWS and _rises([days[row] for row in rows], [numbers[row] for row in rows]):
            del features.entries[name], features.reasons[name]
            features.on_bad.pop(name, None)
            features.left_out[column] = "rises with the date: it tells when a claim was received, not what it is"


def _values(sample: FileSample, column: str) -> Mapping[int, str]:
    return dict(zip(sample.positions.get(column, ()), sample.texts(column), strict=True))


def _time(text: str, forms: Sequence[str]) -> float | None:
    for form in forms:
        with suppress(ValueError):
            return (datetime.strptime(text, form) - datetime(1970, 1, 1)).total_seconds()  # noqa: DTZ001, DTZ007
    return None


def _number(text: str) -> float | None:
    with suppress(ValueError):
        return float(text)
    return None


def _rises(times: Sequence[float], numbers: Sequence[float]) -> bool:
    """Whether numbers never fall with time, or never rise, but for few exceptions."""
    if len(set(times)) < LEAST_DIFFERENT or len(set(numbers)) < LEAST_DIFFERENT:
        return False
    return any(
        sum(after < before for (_, before), (_, after) in pairwise(sorted(zip(times, signed, strict=True))))
        <= EXCEPTIONS * len(times)
        for signed in (numbers, [-number for number in numbers])
    )
