"""The pages of the queue and their forms."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.console.access import PageRenderer, SignedIn, to_sign_in, who
from api.console.page_route import ConsoleRoute
from api.console.queue.lines import SNOOZE_NAMES, claim_line, lead_line, tab_links
from api.console.reading import inside, path_id, read_day, read_session_lists
from api.errors import Conflict, Forbidden, Invalid, NotFound
from api.fields import as_claim_id
from api.leads import (
    LONGEST_SNOOZE_DAYS,
    MAX_VIEW_NAME,
    LeadFilter,
    LeadPlace,
    Leads,
    LeadTab,
    read_lead_cursor,
    write_lead_cursor,
)
from claims.leads import LeadSubjectKind, SnoozeReason

_MOST_FIELDS: Final = 120
"""Of the form of the list: a field for each lead that is selected, and a few others."""
_PAGE: Final = 50
"""Leads of a page."""
_SHOWN: Final = (Invalid, Conflict, NotFound, Forbidden)
_USUAL_SNOOZE: Final = timedelta(days=14)
_QUERY: Final = ("tab", "kind", "least", "due", "indicator", "after")
_REASONS: Final = {one.value: name for one, name in SNOOZE_NAMES.items()}
_Act = Callable[[SignedIn, Mapping[str, Sequence[str]]], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class _View:
    """What the address of the queue says; anything invalid is left out."""

    tab: LeadTab
    sought: LeadFilter
    after: LeadPlace | None
    entered: Mapping[str, str]
    """The filters as they were entered."""

    @classmethod
    def of(cls, request: Request) -> "_View":
        """The view of a request."""
        tab = request.query_params.get("tab", "")
        kind = request.query_params.get("kind", "")
        least = request.query_params.get("least", "").strip()
        due = read_day(request.query_params.get("due"))
        indicator = request.query_params.get("indicator", "").strip()[:64].replace(" ", "_")
        whole = int(least) if least.isascii() and least.isdigit() and len(least) < 10 else None
        kinds = {one.value: one for one in LeadSubjectKind}
        entered = {
            "kind": kind if kind in kinds else "",
            "least": "" if whole is None else str(whole),
            "due": "" if due is None else due.isoformat(),
            "indicator": indicator.replace("_", " "),
        }
        chosen = next((one for one in LeadTab if one.value == tab), LeadTab.UNASSIGNED)
        return cls(
            chosen,
            LeadFilter(
                subject_kind=kinds.get(kind),
                least_cents=None if whole is None else whole * 100,
                due_by=due,
                indicator=indicator or None,
            ),
            _place(chosen, request.query_params.get("after")),
            entered,
        )

    def query(self, **more: str) -> str:
        """The query of this view."""
        values = {"tab": self.tab.value, **self.entered, **more}
        return urlencode({name: value for name, value in values.items() if value})


@dataclass(frozen=True, slots=True)
class _RefusedAct:
    """A form that was refused, and what was entered."""

    problem: str | None = None
    entered: Mapping[str, Sequence[str]] = field(default_factory=dict)
    status: int = 200


class QueuePages:
    """The handlers."""

    def __init__(self, pages: PageRenderer) -> None:
        self._pages = pages

    def routes(self) -> list[ConsoleRoute]:
        """The routes of these pages."""
        return [
            ConsoleRoute("/queue", self.queue, queries=_QUERY),
            ConsoleRoute("/queue/next", self.take_next, methods=["POST"]),
            ConsoleRoute("/queue/leads", self.change, queries=_QUERY, methods=["POST"]),
            ConsoleRoute("/queue/leads/{lead_id}", self.lead),
            ConsoleRoute("/queue/leads/{lead_id}/case", self.open_case, methods=["POST"]),
            ConsoleRoute("/queue/views", self.save_view, queries=_QUERY, methods=["POST"]),
        ]

    async def queue(self, request: Request) -> Response:
        """A tab of the queue."""
        signed_in = await who(request)
        return to_sign_in(request) if signed_in is None else await self._queue(request, signed_in, _RefusedAct())

    async def lead(self, request: Request) -> Response:
        """A lead with its claims."""
        signed_in = await who(request)
        if signed_in is None:
            return to_sign_in(request)
        found, claims = await _leads(request).lead(signed_in.caller, path_id(request, "lead_id"))
        line = lead_line(found, signed_in.actor_id, _leads(request).today())
        lines, days = [claim_line(one) for one in claims], _days(_leads(request).today())
        return self._pages.page("queue/lead.html", signed_in, lead=line, claims=lines, reasons=_REASONS, days=days)

    async def take_next(self, request: Request) -> Response:
        """The form that takes the next best lead."""

        async def take(signed_in: SignedIn, _: Mapping[str, Sequence[str]]) -> str:
            found = await _leads(request).take_next(signed_in.caller)
            if found is None:
                raise NotFound("No lead is unassigned. Look at those that are snoozed, or at yours.")
            return lead_line(found, signed_in.actor_id, _leads(request).today()).path

        return await self._act(request, take)

    async def change(self, request: Request) -> Response:
        """The form of the list: takes, releases, puts aside or wakes one lead, or those that are selected."""

        async def change(signed_in: SignedIn, form: Mapping[str, Sequence[str]]) -> str:
            leads, caller = _leads(request), signed_in.caller
            act, _, one = _last(form, "act").partition(" ")
            chosen = [as_claim_id(lead_id) for lead_id in ([one] if one else form.get("lead_id", ()))]
            if not chosen:
                raise Invalid.field("lead_id", "must be selected: press x in a row, or tick its box")
            if act == "take":
                await leads.take(caller, chosen)
            elif act == "release":
                await leads.release(caller, chosen)
            elif act == "wake":
                await leads.wake(caller, chosen)
            else:
                reason = next((each for each in SnoozeReason if each.value == _last(form, "reason")), None)
                await leads.snooze(caller, chosen, until=read_day(_last(form, "until")), reason=reason)
            return inside(_last(form, "back")) if "back" in form else f"/console/queue?{_View.of(request).query()}"

        return await self._act(request, change)

    async def open_case(self, request: Request) -> Response:
        """The form that opens a case of a lead."""

        async def open_case(signed_in: SignedIn, _: Mapping[str, Sequence[str]]) -> str:
            lead_id = path_id(request, "lead_id")
            return f"/console/cases/{await _leads(request).open_case(signed_in.caller, lead_id)}"

        return await self._act(request, open_case)

    async def save_view(self, request: Request) -> Response:
        """The forms that save the filters under a name, and that remove them."""

        async def save(signed_in: SignedIn, form: Mapping[str, Sequence[str]]) -> str:
            query = _View.of(request).query()
            if view_id := _last(form, "remove"):
                await _leads(request).remove_view(signed_in.caller, as_claim_id(view_id))
            else:
                await _leads(request).save_view(signed_in.caller, _last(form, "name"), query)
            return f"/console/queue?{query}"

        return await self._act(request, save)

    async def _act(self, request: Request, act: _Act) -> Response:
        signed_in = await who(request)
        if signed_in is None:
            return to_sign_in(request, "/console/queue")
        form = await read_session_lists(request, most_fields=_MOST_FIELDS)
        try:
            following = await act(signed_in, form)
        except _SHOWN as error:
            if isinstance(error, Forbidden):
                raise
            problem = "; ".join(f"{one.field.replace('_', ' ')} {one.message}" for one in error.errors)
            refused = _RefusedAct(f"Not done: {problem or error.detail}", form, error.status)
            return await self._queue(request, signed_in, refused)
        return RedirectResponse(following, status_code=303)

    async def _queue(self, request: Request, signed_in: SignedIn, refused: _RefusedAct) -> Response:
        view, today = _View.of(request), _leads(request).today()
        page = await _leads(request).page(signed_in.caller, view.tab, view.sought, after=view.after, limit=_PAGE)
        following = write_lead_cursor(page.next_place)
        return self._pages.page(
            "queue/queue.html",
            signed_in,
            status=refused.status,
            problem=refused.problem,
            tabs=tab_links(page.counts, view.tab),
            is_closed=view.tab is LeadTab.CLOSED,
            lines=[lead_line(one, signed_in.actor_id, today) for one in page.leads],
            views=page.views,
            query=view.query(),
            tab=view.tab.value,
            filters=view.entered,
            has_filters=any(view.entered.values()),
            next_page=None if following is None else view.query(after=following),
            selected=frozenset(refused.entered.get("lead_id", ())),
            until=_last(refused.entered, "until") or _days(today)["usual"],
            reason=_last(refused.entered, "reason"),
            reasons=_REASONS,
            view_name=_last(refused.entered, "name"),
            max_view_name=MAX_VIEW_NAME,
            days=_days(today),
        )


def _days(today: date) -> dict[str, str]:
    """The days until which a lead can be put aside, and the usual one."""
    ahead = {"first": timedelta(days=1), "usual": _USUAL_SNOOZE, "last": timedelta(days=LONGEST_SNOOZE_DAYS)}
    return {name: (today + days).isoformat() for name, days in ahead.items()}


def _place(tab: LeadTab, text: str | None) -> LeadPlace | None:
    """A place in a tab from the address; `None`, the beginning, for anything invalid."""
    try:
        place = None if text is None else read_lead_cursor(text)
    except Invalid:
        return None
    return None if place is None or (place.closed_at is None) == (tab is LeadTab.CLOSED) else place


def _last(form: Mapping[str, Sequence[str]], name: str) -> str:
    values = form.get(name, ())
    return values[-1].strip() if values else ""


def _leads(request: Request) -> Leads:
    leads: Leads = request.app.state.console.leads
    return leads
