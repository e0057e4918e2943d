"""Fields of an entry of a TOML file of rules: each is read once, and every problem names the entry and the field."""

from datetime import date
from typing import Generic, TypeVar

E = TypeVar("E", bound=ValueError)


class TomlFields(Generic[E]):
    """The fields of one entry."""

    def __init__(self, name: str, entry: object, error: type[E]) -> None:
        """Raises `error` where the entry is not a table."""
        self.name = name
        self._error = error
        if not isinstance(entry, dict):
            raise error(f"{name}: must be a table")
        self._left: dict[str, object] = dict(entry)

    def take(self, field: str) -> object:
        """A value as it is; `None` where it is missing."""
        return self._left.pop(field, None)

    def text(self, field: str) -> str:
        """A text that is not empty."""
        value = self.take(field)
        if not isinstance(value, str) or not value.strip():
            raise self.error(field, "must be a text")
        return value

    def choice(self, field: str, allowed: tuple[str, ...]) -> str:
        """One of some texts."""
        value = self.text(field)
        if value not in allowed:
            raise self.error(field, f"must be one of {', '.join(allowed)}")
        return value

    def whole_number(self, field: str, *, most: int) -> int:
        """A whole number from 1."""
        value = self.take(field)
        if type(value) is not int or not 1 <= value <= most:
            raise self.error(field, f"must be a whole number from 1 to {most}")
        return value

    def day(self, field: str) -> date:
        """A day."""
        value = self.optional_day(field)
        if value is None:
            raise self.error(field, "must be a day such as 2026-01-01, without quotes")
        return value

    def optional_day(self, field: str) -> date | None:
        """A day; `None` where it is missing."""
        value = self.take(field)
        if value is not None and type(value) is not date:
            raise self.error(field, "must be a day such as 2026-01-01, without quotes")
        return value

    def finish(self) -> None:
        """Refuse what was not read."""
        if self._left:
            raise self.error(min(self._left), "is not a field of it; remove it")

    def error(self, field: str, message: str) -> E:
        """The error of a field."""
        return self._error(f"{self.name}: {field} {message}")
