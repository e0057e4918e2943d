"""Rows of a CSV of reference data: a header of field names, each value read or refused with its line and column."""

import csv
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from datetime import date
from typing import Final, TypeVar

from claims.money import MoneyError, parse_cents
from formats.members import RowProblem

MAX_ID: Final = 64

Read = TypeVar("Read")


class InvalidRows(ValueError):
    """A file cannot be read; `problems` has its invalid rows."""

    def __init__(self, message: str, problems: Iterable[RowProblem] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


class CsvRow:
    """Reads the fields of one row, and collects what is wrong with them; an invalid field reads as `None`."""

    def __init__(self, number: int, row: Mapping[str, str | None]) -> None:
        self._where = f"line {number}"
        self._row = {name: (value or "").strip() for name, value in row.items() if name}
        self.problems: list[RowProblem] = []
        if "" in row:
            self.refuse("row", "it has more values than the header has names", "quote values that hold a separator")

    def states(self, name: str) -> bool:
        """Whether the file has a column."""
        return name in self._row

    def refuse(self, name: str, reason: str, remedy: str) -> None:
        """Note what is wrong with a field."""
        self.problems.append(RowProblem(f"{self._where}, {name}", f"invalid_{name}", reason, remedy))

    def text(self, name: str) -> str:
        """The value, or empty."""
        return self._row.get(name, "")

    def id(self, name: str) -> str:
        """A required id."""
        value = self.text(name)
        if not 0 < len(value) <= MAX_ID or not value.isascii() or not value.isprintable():
            self.refuse(name, f"the id is not 1 to {MAX_ID} printable ASCII characters", "send the id")
        return value

    def choice(self, name: str, allowed: Sequence[str], default: str | None = None) -> str:
        """One of some texts; without `default` it is required."""
        value = self.text(name) or default or ""
        if value not in allowed:
            self.refuse(name, "it is not one of the allowed values", f"write one of {', '.join(allowed)}")
            return allowed[0]
        return value

    def day(self, name: str) -> date | None:
        """A day; `None` where the field is empty."""
        text = self.text(name)
        try:
            return date.fromisoformat(text) if text else None
        except ValueError:
            self.refuse(name, "the date is not one of the calendar", "write it as YYYY-MM-DD")
            return None

    def days(self, what: str) -> tuple[date, date | None]:
        """`first_day`, which is required, and `last_day`; `what` begins and ends on them."""
        first, last = self.day("first_day"), self.day("last_day")
        if first is None and not any("first_day" in one.where for one in self.problems):
            self.refuse("first_day", "the day is missing", f"state the first day of {what}")
        if first is not None and last is not None and last < first:
            self.refuse("last_day", f"{what} end before they begin", "correct one of the days")
        return first or date.min, last

    def cents(self, name: str) -> int | None:
        """An amount from 0; `None` where the field is empty."""
        text = self.text(name)
        try:
            cents = parse_cents(text) if text else None
        except MoneyError as error:
            self.refuse(name, f"the amount {error}", "correct it")
            return None
        if cents is not None and cents < 0:
            self.refuse(name, "the amount is negative", "write an amount from 0")
        return cents

    def count(self, name: str, most: int, *, least: int = 0, what: str = "number") -> int | None:
        """A whole number; `None` where the field is empty."""
        text = self.text(name)
        if not text:
            return None
        number = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(most)) else most + 1
        if not least <= number <= most:
            self.refuse(name, f"it is no {what}", f"write {least} to {most}")
            return None
        return number


def read_rows(
    lines: Iterable[str],
    *,
    what: str,
    required: Sequence[str],
    optional: Sequence[str],
    read: Callable[[CsvRow], Read],
    key: Callable[[Read], Hashable],
    repeated: tuple[str, str],
) -> list[Read]:
    """The rows of a CSV, which is read whole or not at all. Raises `InvalidRows`.

    `key` is what no two rows share; `repeated` is the column and the reason of a row that does. `what` names an entry.
    """
    reader = csv.DictReader(lines, strict=True, restkey="", restval="")
    try:
        names = reader.fieldnames or ()
        if not set(required) <= set(names) <= {*required, *optional} or len(set(names)) != len(names):
            needed = f"{', '.join(required[:-1])} and {required[-1]}"
            raise InvalidRows(f"the first line must name {needed}, and any of {', '.join(optional)}, each once")
        found: list[Read] = []
        problems: list[RowProblem] = []
        seen: set[Hashable] = set()
        for values in reader:
            row = CsvRow(reader.line_num, values)
            one = read(row)
            if key(one) in seen:
                row.refuse(*repeated, "keep one of them")
            seen.add(key(one))
            found.append(one)
            problems += row.problems
    except csv.Error as error:
        raise InvalidRows(f"line {reader.line_num} is no CSV ({error}); quote values that hold a separator") from None
    if problems:
        raise InvalidRows(f"{len({one.where for one in problems})} fields are invalid", problems)
    if not found:
        raise InvalidRows(f"the file has no {what}")
    return found
