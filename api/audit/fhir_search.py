"""Searches of AuditEvents with the search parameters of FHIR R4 (https://hl7.org/fhir/R4/auditevent.html#search)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from api.audit.fhir import (
    ACT_SYSTEM,
    ACTIONS,
    ACTOR_SYSTEM,
    APPLICATION,
    AUTHENTICATION,
    EXPORT,
    OUTCOME_CODES,
)
from api.audit.reading import check_stated
from api.audit.records import AuditFilter
from api.errors import Invalid

_DATE: Final = re.compile(
    r"(eq|ge|gt|le|lt|sa|eb)?([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2})(T[0-9:.]+(?:Z|[+-][0-9]{2}:[0-9]{2})?)?)?)?",
    re.ASCII,
)
_SECOND: Final = timedelta(seconds=1)
_MAX_VALUES: Final = 20
_TYPES: Final = (AUTHENTICATION, EXPORT, APPLICATION, "rest")


@dataclass(frozen=True, slots=True)
class FhirAuditQuery:
    """The parameters of a search, as they are sent."""

    date: Sequence[str] = field(default_factory=tuple)
    agent: str | None = None
    agent_name: str | None = None
    agent_role: str | None = None
    address: str | None = None
    entity: str | None = None
    patient: str | None = None
    subtype: str | None = None
    action: str | None = None
    outcome: str | None = None
    type: str | None = None

    def chosen(self) -> AuditFilter:
        """The entries that are meant; raises `Invalid`."""
        check_stated(
            {
                "agent": self.agent,
                "agent-name": self.agent_name,
                "agent-role": self.agent_role,
                "address": self.address,
                "entity": self.entity,
                "patient": self.patient,
                "subtype": self.subtype,
            }
        )
        since, until = _period(self.date)
        if self.entity is not None and self.patient is not None:
            raise Invalid.field("patient", "must not be sent with entity: an entry is about one of them")
        by_index = (self.agent, self.agent_name, self.entity, self.patient, self.subtype)
        without = {
            "agent-role": self.agent_role,
            "address": self.address,
            "action": self.action,
            "type": self.type,
        }
        if since is None and not any(by_index):
            for name, value in without.items():
                if value is not None:
                    raise Invalid.field(name, "is not searched for alone: the log is long; send a date from which on")
        kind, subject = ("member", self.patient) if self.patient is not None else _entity(self.entity)
        return AuditFilter(
            actor_id=_token("agent", self.agent, ACTOR_SYSTEM),
            name=self.agent_name,
            role=self.agent_role,
            address=self.address,
            subject=subject,
            subject_kind=kind,
            act=_token("subtype", self.subtype, ACT_SYSTEM),
            since=since,
            until=until,
            actions=_codes("action", self.action, (*ACTIONS, "E")),
            outcomes=_codes("outcome", self.outcome, sorted(set(OUTCOME_CODES.values()))),
            types=_codes("type", self.type, _TYPES),
        )


def _token(name: str, sent: str | None, system: str) -> str | None:
    """The code of a token, with or without its system."""
    if sent is None:
        return None
    stated, bar, code = sent.rpartition("|")
    if (bar and stated not in ("", system)) or not code:
        raise Invalid.field(name, f"must be a code, or {system}| and a code")
    return code


def _entity(sent: str | None) -> tuple[str | None, str | None]:
    """Kind and id: of `urn:ginja:member|M1`, or an id of any kind."""
    if sent is None:
        return None, None
    system, bar, value = sent.rpartition("|")
    if not value or (bar and not system.startswith("urn:ginja:")):
        raise Invalid.field("entity", "must be an id, or the kind and the id, such as urn:ginja:member|M1")
    return (system.removeprefix("urn:ginja:") or None), value


def _codes(name: str, sent: str | None, allowed: Sequence[str]) -> list[str] | None:
    """Codes separated by commas, of which one must fit, with or without a system."""
    if sent is None:
        return None
    codes = [one.rpartition("|")[2] for one in sent.split(",")]
    if not all(code in allowed for code in codes):
        raise Invalid.field(name, f"must be one or more of {', '.join(allowed)}, separated by commas")
    return codes


def _period(dates: Sequence[str]) -> tuple[datetime | None, datetime | None]:
    """From an instant on, and before another: what all dates leave."""
    if len(dates) > _MAX_VALUES:
        raise Invalid.field("date", f"must be sent at most {_MAX_VALUES} times")
    since: list[datetime] = []
    until: list[datetime] = []
    for one in dates:
        prefix, first, end = _range(one)
        if prefix in ("eq", "ge"):
            since.append(first)
        if prefix in ("gt", "sa"):
            since.append(end)
        if prefix in ("eq", "le"):
            until.append(end)
        if prefix in ("lt", "eb"):
            until.append(first)
    return max(since, default=None), min(until, default=None)


def _range(text: str) -> tuple[str, datetime, datetime]:
    """Prefix, beginning and end of a date of FHIR: a year, month, day or instant, in UTC where no zone is stated."""
    found = _DATE.fullmatch(text)
    try:
        if found is None:
            raise ValueError(text)
        prefix, year, month, day, time = found.groups()
        if time is not None:
            at = datetime.fromisoformat(f"{year}-{month}-{day}{time}")
            first = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
            end = first + (timedelta(microseconds=1) if "." in time else _SECOND)
        else:
            first = datetime(int(year), int(month or 1), int(day or 1), tzinfo=UTC)
            end = _end_of(first, month, day)
    except (ValueError, OverflowError):
        raise Invalid.field(
            "date", "must be a date or an instant of FHIR, such as ge2026-03-02 or lt2026-03-02T10:15:00Z"
        ) from None
    return prefix or "eq", first, end


def _end_of(first: datetime, month: str | None, day: str | None) -> datetime:
    if day is not None:
        return first + timedelta(days=1)
    if month is None:
        return first.replace(year=first.year + 1)
    return (first + timedelta(days=31)).replace(day=1)
