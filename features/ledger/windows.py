"""Windows of time over whole UTC days, numbered from the epoch.

A window of `w` days on day `d` covers the days `d - w` to `d - 1`: it ends with the midnight before `d`.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Days: TypeAlias = int
"""Length of a window in days, or one of the two constants below."""
EVER: Days = 0
"""A window without a beginning."""
YEAR_TO_DATE: Days = -1
"""A window that starts on 1 January, UTC."""

Integers = NDArray[np.int64]


def window_name(days: Days) -> str:
    """`"30d"`, `"ever"`, `"ytd"`."""
    if days == EVER:
        return "ever"
    return "ytd" if days == YEAR_TO_DATE else f"{days}d"


def new_year(day: Integers, *, years_on: int = 0) -> Integers:
    """The day number of 1 January of the year of `day`, or of a later year."""
    year = day.astype("datetime64[D]").astype("datetime64[Y]") + years_on
    return year.astype("datetime64[D]").astype(np.int64)


def leaving_day(day: Integers, days: Days) -> Integers:
    """The first day whose window no longer holds what happened on `day`; the window is not `EVER`."""
    return new_year(day, years_on=1) if days == YEAR_TO_DATE else day + days + 1


def window_start(day: Integers, days: Days) -> Integers:
    """The first day of the window that ends with the midnight before `day`."""
    if days == EVER:
        return np.zeros_like(day)
    return new_year(day) if days == YEAR_TO_DATE else np.maximum(day - days, 0)
