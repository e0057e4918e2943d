"""What a signed-in person sees of cases and does in them."""

from collections.abc import Callable, Mapping
from datetime import date
from enum import Enum
from typing import Final, TypeVar

from api import cases
from api.cases import (
    CaseClosing,
    CaseDisposition,
    CaseFilter,
    CaseNoteKind,
    CaseRecord,
    CaseSubject,
    CaseTaskKind,
    ClaimFinding,
    ClosingLimits,
    Detection,
    LossMethod,
    NewCaseTask,
    SubjectKind,
)
from api.console.access import SignedIn
from api.console.case_files import TAKEN, CaseFileDesk
from api.console.cases.claims import claim_line
from api.console.cases.view import CasePage, ListedCaseLine, case_line, history_lines, task_line
from api.console.confirming import confirmation_of_session
from api.database import Database
from api.errors import Forbidden, Invalid
from api.field_keys import FieldKeys
from api.fields import as_claim_id, parse_day
from api.identity import Scope
from api.paging import ListPage, PageCursor
from api.request_context import note_items
from claims.money import format_cents, parse_cents
from claims.service_days import receipt_day
from core import clock
from core.settings import Settings

PAGE_SIZE: Final = 25
_CLAIMS_SHOWN: Final = 200
_PATHS: Final = {"provider": "/console/providers/", "member": "/console/members/", "ring": "/console/rings/"}
_SUBJECT_KEYS: Final = {"provider": "p", "member": "m", "ring": "g r"}
_Kind = TypeVar("_Kind", bound=Enum)
_Form = Mapping[str, str]


class CaseDesk:
    """Cases for the roles that work them. Each method raises `Forbidden` for others."""

    def __init__(self, database: Database, keys: FieldKeys, settings: Settings) -> None:
        self._database = database
        self._keys = keys
        self._settings = settings
        self.files = CaseFileDesk(database, keys, settings)
        """Their files."""
        self._limits = ClosingLimits.of(settings)

    async def lines(
        self, signed_in: SignedIn, query: Mapping[str, str], after: PageCursor | None
    ) -> ListPage[ListedCaseLine]:
        """Cases that the address chooses, the latest first."""
        _require(signed_in, Scope.CASES_READ)
        chosen = CaseFilter(
            status=query["status"] if query.get("status") in ("open", "closed") else None,
            assigned_to=signed_in.actor_id if query.get("owner") == "me" else None,
            subject_kind=query.get("kind") or None,
            subject_id=query.get("subject_id") or None,
        )
        page = await cases.cases_page(self._database, chosen, after=after, limit=PAGE_SIZE)
        note_items(len(page.items))
        return ListPage([case_line(one) for one in page.items], page.next_place)

    async def open(self, signed_in: SignedIn, form: _Form) -> CaseRecord:
        """Open a case about the subject of a form, or find the open one. Raises as `cases.open_case` does."""
        kind = _choice(SubjectKind, form, "kind")
        ids = _words(form.get("subject", ""))
        if kind is SubjectKind.RING:
            subject = CaseSubject.ring(ids)
        elif len(ids) == 1:
            subject = CaseSubject(kind, as_claim_id(ids[0]))
        else:
            raise Invalid.field("subject", "must be one id; of a ring, the ids of its providers")
        return await cases.open_case(
            self._database,
            self._keys,
            signed_in.caller,
            subject,
            _words(form.get("claim_ids", "")),
            _choice(Detection, form, "detection"),
        )

    async def page(self, signed_in: SignedIn, case_id: str) -> CasePage:
        """A case with its history; raises `NotFound`, and what `FieldKeys` raises."""
        _require(signed_in, Scope.CASES_READ)
        found = await cases.case(self._database, case_id)
        claims = await cases.largest_claims(self._database, case_id, limit=_CLAIMS_SHOWN)
        totals = await cases.claim_totals(self._database, case_id)
        tasks = await cases.tasks_of(self._database, self._keys, case_id)
        history = await cases.history_of(self._database, self._keys, case_id)
        files = await self.files.files_of(signed_in, case_id)
        today = receipt_day(clock.now(), self._settings.zone)
        is_own = found.assigned_to == signed_in.actor_id
        may_work = signed_in.may(Scope.CASES_WORK)
        leads = may_work and signed_in.may(Scope.APPROVE)
        return CasePage(
            case=found,
            line=case_line(found),
            subject_path=f"{_PATHS[found.subject_kind]}{found.subject_id}",
            subject_key=_SUBJECT_KEYS[found.subject_kind],
            closed_at=None if found.closed_at is None else f"{found.closed_at:%Y-%m-%d %H:%M}",
            claims=[claim_line(one) for one in claims],
            claims_total=totals.count,
            claimed=format_cents(totals.claimed_cents),
            paid=format_cents(totals.paid_cents),
            tasks=[task_line(one, today, files) for one in tasks],
            history=history_lines(history, files),
            files=self.files.lines(files),
            most_bytes=f"{self.files.most:,}",
            accepted=TAKEN,
            author=await cases.author_of_form(self._keys, signed_in.actor_id, case_id),
            draft=await cases.kept_draft(self._database, self._keys, signed_in.actor_id, case_id),
            is_own=is_own,
            may_work=may_work,
            may_change=may_work and (found.assigned_to is None or is_own or leads),
            may_approve=leads and not (found.is_proposed and found.proposed_by == signed_in.actor_id),
        )

    async def keep(self, case_id: str, form: _Form) -> bool:
        """Keep what a form without a session had, for its author."""
        entered = {name: value for name, value in form.items() if name not in ("author", "form_token", "code")}
        return await cases.keep_draft(self._database, self._keys, case_id, form.get("author", ""), entered)

    async def act(self, signed_in: SignedIn, case_id: str, form: _Form) -> None:
        """Do what a form of the page says. Raises what the services of cases raise, and `Invalid`."""
        act = _ACTS.get(form.get("act", ""))
        if act is None:
            raise Invalid.field("act", f"must be one of {', '.join(_ACTS)}")
        await act(self, signed_in, case_id, form)
        await cases.drop_draft(self._database, signed_in.actor_id, case_id)

    async def _note(self, signed_in: SignedIn, case_id: str, form: _Form) -> None:
        kind = _choice(CaseNoteKind, form, "kind")
        day = _day(form, "on") if form.get("on") else None
        await cases.add_note(self._database, self._keys, signed_in.caller, case_id, _text(form, "text"), kind, on=day)

    async def _task(self, signed_in: SignedIn, case_id: str, form: _Form) -> None:
        letter = _text(form, "text").strip()
        kind = CaseTaskKind.RECORDS_REQUEST if letter else CaseTaskKind.TASK
        new = NewCaseTask(kind, form.get("title", "").strip(), _day(form, "due_on"), letter or None)
        await cases.add_task(self._database, self._keys, signed_in.caller, case_id, new)

    async def _finish(self, signed_in: SignedIn, case_id: str, form: _Form) -> None:
        await cases.finish_task(self._database, self._keys, signed_in.caller, case_id, form.get("task_id", ""))

    async def _add_claims(self, signed_in: SignedIn, case_id: str, form: _Form) -> None:
        ids = _words(form.get("claim_ids", ""))
        await cases.add_claims(self._database, self._keys, signed_in.caller, case_id, ids)

    async def _remove_claims(self, signed_in: SignedIn, case_id: str, form: _Form) -> None:
        ids = _words(form.get("claim_ids", ""))
        await cases.remove_claims(self._database, self._keys, signed_in.caller, case_id, ids)

    async def _assign(self, signed_in: SignedIn, case_id: str, form: _Form) -> None:
        assignee = {"me": signed_in.actor_id, "none": None}.get(form.get("to", ""), form.get("to", ""))
        await cases.assign(self._database, self._keys, signed_in.caller, case_id, assignee)

    async def _close(self, signed_in: SignedIn, case_id: str, form: _Form) -> None:
        finding, kind = form.get("finding", ""), form.get("kind", "") or None
        ids = _words(form.get("claim_ids", "")) if finding else []
        closing = CaseClosing(
            disposition=_choice(CaseDisposition, form, "disposition"),
            loss_cents=_cents(form.get("loss", "") or "0"),
            loss_method=_choice(LossMethod, form, "loss_method"),
            note=_text(form, "text"),
            findings=tuple(ClaimFinding(one, finding, kind) for one in ids),
        )
        await cases.close(
            self._database,
            self._keys,
            signed_in.caller,
            case_id,
            closing,
            confirmation=confirmation_of_session(signed_in, self._settings),
            limits=self._limits,
        )

    async def _approve(self, signed_in: SignedIn, case_id: str, form: _Form) -> None:
        await cases.approve_closing(
            self._database,
            self._keys,
            signed_in.caller,
            case_id,
            version=_number(form, "version"),
            note=_text(form, "text").strip() or None,
            confirmation=confirmation_of_session(signed_in, self._settings),
        )

    async def _refuse(self, signed_in: SignedIn, case_id: str, form: _Form) -> None:
        note, version = _text(form, "text").strip() or None, _number(form, "version")
        await cases.refuse_closing(self._database, self._keys, signed_in.caller, case_id, version=version, note=note)

    async def _reopen(self, signed_in: SignedIn, case_id: str, form: _Form) -> None:
        await cases.reopen(self._database, self._keys, signed_in.caller, case_id, _text(form, "text"))


_ACTS: Final = {
    "note": CaseDesk._note,
    "task": CaseDesk._task,
    "finish": CaseDesk._finish,
    "add_claims": CaseDesk._add_claims,
    "remove_claims": CaseDesk._remove_claims,
    "assign": CaseDesk._assign,
    "close": CaseDesk._close,
    "approve": CaseDesk._approve,
    "refuse": CaseDesk._refuse,
    "reopen": CaseDesk._reopen,
}
"""By the field `act` of a form."""


def _require(signed_in: SignedIn, scope: Scope) -> None:
    if not signed_in.may(scope):
        raise Forbidden(f"the role {signed_in.role} sees no cases; ask for an investigator's sign-in")


def _choice(kind: Callable[[str], _Kind], form: _Form, name: str) -> _Kind:
    try:
        return kind(form.get(name, ""))
    except ValueError:
        raise Invalid.field(name, "must be one of the choices") from None


def _day(form: _Form, name: str) -> date:
    try:
        return parse_day(form.get(name, ""))
    except ValueError as error:
        raise Invalid.field(name, str(error)) from None


def _cents(text: str) -> int:
    try:
        return parse_cents(text.strip())
    except ValueError as error:
        raise Invalid.field("loss", str(error)) from None


def _number(form: _Form, name: str) -> int:
    text = form.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Invalid.field(name, "must be a whole number; reload the page")
    return int(text)


def _text(form: _Form, name: str) -> str:
    """A text area: browsers send line breaks as CRLF."""
    return form.get(name, "").replace("\r\n", "\n")


def _words(text: str) -> list[str]:
    """Ids of a text area, separated by blanks, commas or line breaks."""
    return text.replace(",", " ").split()
