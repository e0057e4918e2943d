"""The declared kinds of data: `kinds.toml`, and the file of an installation that changes periods."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final

from api.retention.records import HoldColumn, RetentionAction, RetentionFileError, RetentionKind

MAX_DAYS: Final = 36_525
"""A hundred years."""
_MAY_CHANGE: Final = frozenset({"days", "basis"})


class RetentionTable(Mapping[str, RetentionKind]):
    """Kinds of data by name, in the order in which they are carried out."""

    def __init__(self, kinds: Mapping[str, RetentionKind]) -> None:
        self._kinds = dict(kinds)

    def __getitem__(self, name: str) -> RetentionKind:
        return self._kinds[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._kinds)

    def __len__(self) -> int:
        return len(self._kinds)

    @classmethod
    def of(cls, file: Path | None) -> "RetentionTable":
        """The table of an installation: the declared one with the changes of `file`. Raises `RetentionFileError`."""
        declared = declared_kinds()
        if file is None:
            return declared
        try:
            document = tomllib.loads(file.read_text())
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise RetentionFileError(f"{file} cannot be read: {error}; see docs/operate/privacy.md") from None
        changes = document.pop("kinds", {})
        if document or not isinstance(changes, dict):
            raise RetentionFileError(f"{file} must have tables `[kinds.NAME]` and nothing else")
        kinds = dict(declared)
        for name, change in changes.items():
            kinds[name] = _changed(declared, name, change, file)
        return cls(kinds)


@cache
def declared_kinds() -> RetentionTable:
    """The kinds of `kinds.toml`."""
    document = tomllib.loads(files("api.retention").joinpath("kinds.toml").read_text())
    return RetentionTable({name: _kind(name, entry) for name, entry in document["kinds"].items()})


def declared_days(name: str) -> int:
    """The declared period of a kind, in days, for what is built on it."""
    return declared_kinds()[name].period.days


def _kind(name: str, entry: Mapping[str, object]) -> RetentionKind:
    fields = dict(entry)
    hold = fields.pop("hold")
    assert isinstance(hold, dict)
    column = next(((one, str(hold[one.value])) for one in HoldColumn if one.value in hold), None)
    tables, action = fields.pop("tables"), fields.pop("action")
    assert isinstance(tables, list)
    return RetentionKind(
        name=name,
        tables=tuple(tables),
        action=RetentionAction(action),
        hold=column,
        no_hold=hold.get("none"),
        **fields,  # type: ignore[arg-type]
    )


def _changed(declared: RetentionTable, name: str, change: object, file: Path) -> RetentionKind:
    place = f"{file}: kinds.{name}"
    kind = declared.get(name)
    if kind is None or kind.days is None or kind.by is not None:
        allowed = ", ".join(one.name for one in declared.values() if one.days is not None and one.by is None)
        raise RetentionFileError(f"{place} is not a kind whose period can be changed; those are {allowed}")
    if not isinstance(change, dict) or not change or set(change) - _MAY_CHANGE:
        raise RetentionFileError(f"{place} may have `days` and `basis` only")
    days, basis = change.get("days", kind.days), change.get("basis", kind.basis)
    if not isinstance(days, int) or isinstance(days, bool) or not kind.at_least <= days <= MAX_DAYS:
        raise RetentionFileError(f"{place}.days must be a whole number from {kind.at_least} to {MAX_DAYS}")
    if not isinstance(basis, str) or not basis.strip():
        raise RetentionFileError(f"{place}.basis must say why the data are kept for so long")
    return replace(kind, days=days, basis=basis)
