"""What is declared of a kind of data, and what retention has done."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum

from core.errors import SettingsError


class RetentionAction(Enum):
    """What becomes of rows whose period is over."""

    DELETE = "delete"
    ARCHIVE = "archive"
    KEEP = "keep"


class HoldColumn(Enum):
    """What the column of a kind says that legal holds are looked up by."""

    MEMBER = "member"
    CLAIM = "claim"


@dataclass(frozen=True, slots=True)
class RetentionKind:
    """One kind of data."""

    name: str
    tables: tuple[str, ...]
    action: RetentionAction
    basis: str
    start: str | None = None
    """Column of the first table; `None`: rows are kept."""
    days: int | None = None
    at_least: int = 0
    """The fewest days that an installation may set."""
    hold: tuple[HoldColumn, str] | None = None
    """The column of the first table that says whose a row is; `None`: a hold has nothing to keep."""
    no_hold: str | None = None
    """Why a hold has nothing to keep."""
    by: str | None = None
    """Who deletes it; `None`: the worker's daily work."""

    @property
    def table(self) -> str:
        """The first table, whose rows the others belong to."""
        return self.tables[0]

    @property
    def period(self) -> timedelta:
        """How long a row is kept; raises `ValueError` for a kind without a period."""
        if self.days is None:
            raise ValueError(f"{self.name} has no period")
        return timedelta(days=self.days)

    @property
    def is_daily(self) -> bool:
        """Whether the worker's daily work deletes it."""
        return self.action is RetentionAction.DELETE and self.by is None


@dataclass(frozen=True, slots=True)
class RetentionRun:
    """What the last run did for a kind."""

    kind: str
    day: date
    """The day whose due rows it removed."""
    ended_at: datetime
    removed: int
    complete: bool
    """False: rows were left for the next run."""


class RetentionFileError(SettingsError):
    """The file that `GINJA_RETENTION_FILE` names cannot be used; the message says why."""
