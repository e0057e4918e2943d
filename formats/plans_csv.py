"""Plans and their cost sharing from CSV: a header of field names, the terms of one plan from a day on a row."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final

from claims.cost_sharing import WHOLE_SHARE, CostSharing
from claims.money import MoneyError, parse_cents
from formats.members import RowProblem

REQUIRED: Final = ("plan_id", "first_day")
COLUMNS: Final = (
    *REQUIRED,
    *("last_day", "name", "benefit_limit", "deductible", "copay", "coinsurance_percent"),
    *("out_of_pocket_maximum", "year_begins_month", "waiting_days"),
)
MAX_ID: Final = 64
MAX_WAITING_DAYS: Final = 3_650


class InvalidPlans(ValueError):
    """A file of plans cannot be read; `problems` has its invalid rows."""

    def __init__(self, message: str, problems: Iterable[RowProblem] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class PlanTerms:
    """One row: a plan and its terms from a day on."""

    terms: CostSharing
    name: str | None
    benefit_limit_cents: int | None
    states_limit: bool
    """Whether the file has a column for the limit; without one, a stored limit stays."""


def read_plan_rows(lines: Iterable[str]) -> list[PlanTerms]:
    """The plans of a CSV; amounts are decimals. A file is read whole or not at all. Raises `InvalidPlans`."""
    reader = csv.DictReader(lines, strict=True, restkey="", restval="")
    try:
        names = reader.fieldnames or ()
        if not set(REQUIRED) <= set(names) <= set(COLUMNS) or len(set(names)) != len(names):
            raise InvalidPlans(
                f"the first line must name {' and '.join(REQUIRED)}, and any of {', '.join(COLUMNS[2:])}, each once"
            )
        found: list[PlanTerms] = []
        problems: list[RowProblem] = []
        seen: set[tuple[str, date]] = set()
        for row in reader:
            read = _Row(reader.line_num, row)
            one = read.terms()
            key = (one.terms.plan_id, one.terms.first_day)
            if key in seen:
                read.refuse("first_day", "the plan has terms from this day in an earlier row", "keep one of them")
            seen.add(key)
            found.append(one)
            problems += read.problems
    except csv.Error as error:
        raise InvalidPlans(f"line {reader.line_num} is no CSV ({error}); quote values that hold a separator") from None
    if problems:
        raise InvalidPlans(f"{len({one.where for one in problems})} fields are invalid", problems)
    if not found:
        raise InvalidPlans("the file has no plan")
    return found


class _Row:
    """Reads the fields of one row, and collects what is wrong with them."""

    def __init__(self, number: int, row: Mapping[str, str | None]) -> None:
        self._where = f"line {number}"
        self._row = {name: (value or "").strip() for name, value in row.items() if name}
        self.problems: list[RowProblem] = []
        if "" in row:
            self.refuse("row", "it has more values than the header has names", "quote values that hold a separator")

    def refuse(self, name: str, reason: str, remedy: str) -> None:
        self.problems.append(RowProblem(f"{self._where}, {name}", f"invalid_{name}", reason, remedy))

    def terms(self) -> PlanTerms:
        """The row's terms; what is invalid has a placeholder and a problem."""
        plan_id = self._row["plan_id"]
        if not 0 < len(plan_id) <= MAX_ID or not plan_id.isascii() or not plan_id.isprintable():
            self.refuse("plan_id", f"the id is not 1 to {MAX_ID} printable ASCII characters", "send the id")
        first, last = self._day("first_day"), self._day("last_day")
        if first is None and not any("first_day" in one.where for one in self.problems):
            self.refuse("first_day", "the day is missing", "state the first day of the terms")
        if first is not None and last is not None and last < first:
            self.refuse("last_day", "the terms end before they begin", "correct one of the days")
        month = self._row.get("year_begins_month") or "1"
        if month not in _MONTHS:
            self.refuse("year_begins_month", "it is no month", "write 1 to 12")
        return PlanTerms(
            CostSharing(
                plan_id=plan_id,
                first_day=first or date.min,
                last_day=last,
                deductible_cents=self._cents("deductible") or 0,
                copay_cents=self._cents("copay") or 0,
                coinsurance_share=self._share(),
                out_of_pocket_cents=self._cents("out_of_pocket_maximum"),
                year_begins_month=int(month) if month in _MONTHS else 1,
                waiting_days=self._waiting_days(),
            ),
            name=self._row.get("name") or None,
            benefit_limit_cents=self._cents("benefit_limit"),
            states_limit="benefit_limit" in self._row,
        )

    def _day(self, name: str) -> date | None:
        text = self._row.get(name, "")
        try:
            return date.fromisoformat(text) if text else None
        except ValueError:
            self.refuse(name, "the date is not one of the calendar", "write it as YYYY-MM-DD")
            return None

    def _cents(self, name: str) -> int | None:
        text = self._row.get(name, "")
        try:
            cents = parse_cents(text) if text else None
        except MoneyError as error:
            self.refuse(name, f"the amount {error}", "correct it")
            return None
        if cents is not None and cents < 0:
            self.refuse(name, "the amount is negative", "write an amount from 0")
        return cents

    def _waiting_days(self) -> int:
        text = self._row.get("waiting_days") or "0"
        days = int(text) if text.isascii() and text.isdigit() and len(text) <= 4 else MAX_WAITING_DAYS + 1
        if days > MAX_WAITING_DAYS:
            self.refuse("waiting_days", "it is no number of days", f"write 0 to {MAX_WAITING_DAYS}")
            return 0
        return days

    def _share(self) -> int:
        text = self._row.get("coinsurance_percent") or "0"
        try:
            share = Decimal(text) * (WHOLE_SHARE // 100)
        except InvalidOperation:
            share = Decimal("NaN")
        if not share.is_finite() or not 0 <= share <= WHOLE_SHARE or share != int(share):
            self.refuse("coinsurance_percent", "it is no share", "write 0 to 100 with at most two decimal places")
            return 0
        return int(share)


_MONTHS: Final = frozenset(str(month) for month in range(1, 13))
