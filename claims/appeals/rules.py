"""Rules of appeals as dated data: deadlines by line of business, and limits of overturned appeals by edit."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.resources import files

from claims.prompt_pay import LineOfBusiness
from claims.toml_fields import TomlFields

_MAX_DAYS = 1_000
_MAX_APPEALS = 1_000_000
_MAX_LEVELS = 9


class AppealRuleError(ValueError):
    """The rules cannot be read; the message names the entry and field, and says what is allowed."""


@dataclass(frozen=True, slots=True)
class AppealDeadline:
    """Deadlines of appeals against decisions from a day on."""

    line_of_business: LineOfBusiness | None
    """None: every line without a deadline of its own."""
    decided_from: date
    file_days: int
    decide_days: int
    cites: str

    def file_by(self, decided_on: date) -> date:
        """The last day on which a decision can be appealed."""
        return decided_on + timedelta(days=self.file_days)

    def decide_by(self, filed_on: date) -> date:
        """The day by which an appeal is decided."""
        return filed_on + timedelta(days=self.decide_days)


@dataclass(frozen=True, slots=True)
class OverturnLimit:
    """When an edit is suspended."""

    edit: str | None
    """Code of its finding; None: every edit without a limit of its own."""
    appeals: int
    """Fewest decided appeals that count."""
    percent: int
    """The largest share of overturned appeals that an edit may have."""

    def is_passed(self, *, decided: int, overturned: int) -> bool:
        """Whether an edit with these appeals is suspended."""
        return decided >= self.appeals and 100 * overturned > self.percent * decided


@dataclass(frozen=True, slots=True)
class AppealRules:
    """Every rule."""

    levels: int
    """How often one claim can be appealed."""
    deadlines: Sequence[AppealDeadline]
    limits: Sequence[OverturnLimit]

    def deadline(self, line_of_business: str | None, decided_on: date) -> AppealDeadline | None:
        """The deadline of an appeal: the newest of the line of business, else the newest of every line."""
        for line in dict.fromkeys((line_of_business, None)):
            begun = [one for one in self.deadlines if one.line_of_business == line and one.decided_from <= decided_on]
            if begun:
                return max(begun, key=lambda one: one.decided_from)
        return None

    def limit(self, edit: str) -> OverturnLimit | None:
        """The limit of an edit; `None`: it is never suspended."""
        return next((one for code in (edit, None) for one in self.limits if one.edit == code), None)


def packaged_appeal_rules() -> AppealRules:
    """The rules that are part of Ginja."""
    return read_appeal_rules(files("claims.appeals").joinpath("rules.toml").read_text("utf-8"))


def read_appeal_rules(text: str) -> AppealRules:
    """Rules from TOML text, in the form of `rules.toml`. Raises `AppealRuleError`."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise AppealRuleError(f"is not TOML: {error}") from None
    fields = TomlFields("the file", document, AppealRuleError)
    levels = fields.whole_number("levels", most=_MAX_LEVELS)
    deadlines = [_deadline(one) for one in _entries(fields, "deadlines")]
    limits = [_limit(one) for one in _entries(fields, "overturn_limits")]
    fields.finish()
    if len({(one.line_of_business, one.decided_from) for one in deadlines}) != len(deadlines):
        raise fields.error("deadlines", "has two entries for one line of business from the same day")
    if len({one.edit for one in limits}) != len(limits):
        raise fields.error("overturn_limits", "has two entries for one edit")
    return AppealRules(levels, deadlines, limits)


def _entries(fields: TomlFields[AppealRuleError], name: str) -> list[TomlFields[AppealRuleError]]:
    listed = fields.take(name)
    if not isinstance(listed, list) or not listed:
        raise fields.error(name, "must have at least one entry")
    return [TomlFields(f"{name} {number}", entry, AppealRuleError) for number, entry in enumerate(listed, start=1)]


def _deadline(fields: TomlFields[AppealRuleError]) -> AppealDeadline:
    line = fields.take("line_of_business")
    lines = {one.value: one for one in LineOfBusiness}
    if line is not None and line not in lines:
        raise fields.error("line_of_business", f"must be one of {', '.join(lines)}, or left out for every line")
    found = AppealDeadline(
        lines[line] if isinstance(line, str) else None,
        fields.day("decided_from"),
        fields.whole_number("file_days", most=_MAX_DAYS),
        fields.whole_number("decide_days", most=_MAX_DAYS),
        fields.text("cites"),
    )
    fields.finish()
    return found


def _limit(fields: TomlFields[AppealRuleError]) -> OverturnLimit:
    edit = fields.take("edit")
    if edit is not None and not isinstance(edit, str):
        raise fields.error("edit", "must be the code of a finding, or left out for every edit")
    found = OverturnLimit(
        edit, fields.whole_number("appeals", most=_MAX_APPEALS), fields.whole_number("percent", most=100)
    )
    fields.finish()
    return found
