"""Names of releases: a quarter, a month or a day, and the day from which the release is valid."""

from datetime import date

_QUARTERS = {"Q1": 1, "Q2": 4, "Q3": 7, "Q4": 10}


def first_day_of(release: str) -> date:
    """The first day of `2026Q4`, `2026-11` or `2026-11-15`. Raises `ValueError`, saying what is allowed."""
    year, quarter = release[:4], _QUARTERS.get(release[4:].upper())
    try:
        if quarter is not None:
            return date(int(year), quarter, 1)
        return date.fromisoformat(release if len(release) > 7 else f"{release}-01")
    except ValueError:
        raise ValueError(f"{release!r} is no quarter (2026Q4), month (2026-11) or day (2026-11-15)") from None
