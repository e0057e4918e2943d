"""Values of a report as text for people, and the whole report as CSV."""

import csv
import io
from datetime import date
from decimal import Decimal

from api.reports.documents import ReportDocument, ReportUnit, ReportValue
from claims.money import format_cents
from core.format import NOT_AVAILABLE, percent_to_1_decimal
from core.spreadsheets import cell

CSV_COLUMNS = ("report", "section", "row", "column", "unit", "value")


def shown(value: ReportValue) -> str:
    """A value for people: with thousands separators, percent signs, days and hours."""
    of = value.value
    if of is None:
        return NOT_AVAILABLE
    if isinstance(of, date):
        return str(of)
    if value.unit is ReportUnit.AMOUNT:
        return f"{Decimal(format_cents(round(of))):,.2f}"
    if value.unit is ReportUnit.SHARE:
        return percent_to_1_decimal(of)
    return _time(of) if value.unit is ReportUnit.DURATION else f"{of:,}"


def _time(seconds: float) -> str:
    minutes = round(seconds / 60)
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {rest} min" if hours else f"{rest} min"


def csv_report(document: ReportDocument) -> bytes:
    """The report as CSV: a line for each value, so that every line has the same columns.

    Amounts are decimal, shares from 0 to 1, times in hours; an empty value is undefined.
    """
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for table in document.tables:
        for row in table.rows:
            for column, value in zip(table.columns[1:], row.values, strict=True):
                names = (document.title, table.title, row.name, column)
                writer.writerow([*map(cell, names), value.unit.value, _raw(value)])
    return written.getvalue().encode()


def _raw(value: ReportValue) -> str | int | None:
    of = value.value
    if of is None:
        return None
    if isinstance(of, date):
        return of.isoformat()
    if value.unit is ReportUnit.AMOUNT:
        return format_cents(round(of))
    if value.unit is ReportUnit.SHARE:
        return f"{of:.6f}"
    return f"{of / 3600:.2f}" if value.unit is ReportUnit.DURATION else round(of)
