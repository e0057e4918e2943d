"""The audit log as the console prints it: filters, lines and one entry. Pure but for `AuditSearch`."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlencode

from api.audit import OUTCOMES, ROUTES, AuditedAct, AuditFilter, StoredChange, audited_act, entries, shown_change
from api.console.access import SignedIn
from api.database import Database
from api.errors import Forbidden, NotFound
from api.field_keys import FieldKeys
from api.identity import Scope
from api.request_context import PURPOSES, Actor, note_items

FILTERS: Final = ("actor", "subject", "act", "outcome", "since", "until", "request_id")
"""Query parameters of the page, beside the place."""
PAGE_SIZE: Final = 50
MAX_TEXT: Final = 200
"""Characters of a filter."""
ACTS: Final = tuple(sorted({route.act for route in ROUTES.values()}))
"""Suggested in the form; others can be searched, too."""


@dataclass(frozen=True, slots=True)
class EntryLine:
    """A row of the list."""

    audit_id: int
    at: str
    name: str
    role: str
    act: str
    about: str
    outcome: str
    succeeded: bool
    address: str


@dataclass(frozen=True, slots=True)
class AuditList:
    """A page of the list."""

    lines: list[EntryLine]
    entered: Mapping[str, str]
    errors: Mapping[str, str]
    next_query: str | None
    """Of the address of the next page; `None`: this was the last."""


@dataclass(frozen=True, slots=True)
class AuditEntryPage:
    """One entry, as names and values."""

    audit_id: int
    act: str
    outcome: str
    succeeded: bool
    facts: list[tuple[str, str]]
    details: str | None
    change: str | None
    """Before and after, as JSON; `None`: none was stored."""
    links: list[tuple[str, str]]
    """Texts and queries of searches for what belongs to it."""


class AuditSearch:
    """The audit log for administrators. Each method raises `Forbidden` for others."""

    def __init__(self, database: Database, keys: FieldKeys) -> None:
        self._database = database
        self._keys = keys

    async def page(self, signed_in: SignedIn, query: Mapping[str, str]) -> AuditList:
        """The latest entries that the filters of the address choose; none where a filter is invalid."""
        _require_auditor(signed_in)
        entered = {name: query.get(name, "").strip() for name in FILTERS}
        chosen, errors = read_filter(entered)
        if errors:
            return AuditList([], entered, errors, None)
        async with self._database.reading() as connection:
            found = await entries(connection, chosen, before=read_id(query.get("before")), limit=PAGE_SIZE + 1)
        shown = found[:PAGE_SIZE]
        note_items(len(shown))
        following = None
        if len(found) > PAGE_SIZE:
            used = {name: value for name, value in entered.items() if value}
            following = urlencode(used | {"before": str(shown[-1].audit_id)})
        return AuditList([_line(one) for one in shown], entered, {}, following)

    async def entry(self, signed_in: SignedIn, number: str) -> AuditEntryPage:
        """One entry; raises `NotFound`."""
        _require_auditor(signed_in)
        audit_id = read_id(number)
        if audit_id is None:
            raise NotFound("entry not found; check its number")
        async with self._database.reading() as connection:
            found = await audited_act(connection, audit_id)
        if found is None:
            raise NotFound("entry not found; check its number")
        caller = signed_in.caller
        actor = Actor(caller.actor_id, caller.name, caller.role)
        return entry_page(found, await shown_change(self._database, self._keys, found, actor))


def read_filter(entered: Mapping[str, str]) -> tuple[AuditFilter, dict[str, str]]:
    """The filter that a form states, and what is wrong with it by field."""
    errors = {
        name: f"must be printable and at most {MAX_TEXT} characters"
        for name, value in entered.items()
        if len(value) > MAX_TEXT or not value.isprintable()
    }
    if entered["outcome"] not in ("", *OUTCOMES):
        errors["outcome"] = f"must be one of {', '.join(OUTCOMES)}"
    instants: dict[str, datetime | None] = {}
    for name in ("since", "until"):
        try:
            instants[name] = _instant(entered[name])
        except ValueError:
            errors[name] = "must be a time in UTC, such as 2026-11-28 09:30"
    if errors:
        return AuditFilter(), errors
    texts = {name: value or None for name, value in entered.items()}
    chosen = AuditFilter(
        actor=texts["actor"],
        act=texts["act"],
        subject=texts["subject"],
        outcome=texts["outcome"],
        since=instants["since"],
        until=instants["until"],
        request_id=texts["request_id"],
    )
    return chosen, {}


def read_id(text: str | None) -> int | None:
    """The number of an entry in the address; `None` for anything invalid."""
    is_number = text is not None and text.isascii() and text.isdigit() and len(text) < 19
    return int(text) if is_number and text is not None else None


def entry_page(found: AuditedAct, stored: StoredChange) -> AuditEntryPage:
    """An entry with everything that the log has of it."""
    purpose = "" if found.purpose is None else f"{found.purpose} ({PURPOSES.get(found.purpose, 'unknown')})"
    facts = [
        ("Time (UTC)", _utc(found.at)),
        ("Name", found.name),
        ("Role", found.role),
        ("Actor", found.actor_id),
        ("Purpose", purpose),
        ("About", _about(found)),
        ("Request", found.request_id or ""),
        ("Address", found.address or ""),
        ("Program", found.agent or ""),
    ]
    searches = (
        (f"Everything by {found.name}", "actor", found.actor_id),
        (f"Everything about {_about(found)}", "subject", found.subject_id),
        ("The same request", "request_id", found.request_id),
    )
    links = [(text, urlencode({name: value})) for text, name, value in searches if value]
    details = json.dumps(found.details, indent=2, sort_keys=True, ensure_ascii=False) if found.details else None
    return AuditEntryPage(
        audit_id=found.audit_id,
        act=found.act,
        outcome=_outcome(found),
        succeeded=found.outcome == "success",
        facts=[(name, value) for name, value in facts if value],
        details=details,
        change=_change(stored),
        links=links,
    )


def _change(stored: StoredChange) -> str | None:
    if stored.is_erased:
        return "erased with the member"
    return None if stored.change is None else json.dumps(asdict(stored.change), indent=2, ensure_ascii=False)


def _line(one: AuditedAct) -> EntryLine:
    return EntryLine(
        audit_id=one.audit_id,
        at=_utc(one.at),
        name=one.name,
        role=one.role.replace("_", " "),
        act=one.act,
        about=_about(one),
        outcome=_outcome(one),
        succeeded=one.outcome == "success",
        address=one.address or "",
    )


def _about(one: AuditedAct) -> str:
    return "" if one.subject_id is None else f"{(one.subject_kind or '').replace('_', ' ')} {one.subject_id}".strip()


def _outcome(one: AuditedAct) -> str:
    return one.outcome.replace("_", " ")


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def _instant(text: str) -> datetime | None:
    """Raises `ValueError`. A time without a zone is UTC."""
    if not text:
        return None
    read = datetime.fromisoformat(text)
    try:
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except OverflowError:
        raise ValueError("in UTC it is before the year 1 or after the year 9999") from None


def _require_auditor(signed_in: SignedIn) -> None:
    if not signed_in.may(Scope.AUDIT):
        raise Forbidden("the audit log is for keys with the scope audit:read, such as those of role admin")
