"""The console's pages: a separate application mounted under `/console`, whose errors are pages, not problems."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount

from api.console.access import AccessPages, PageRenderer, ProviderPages, SignedIn, to_sign_in, who
from api.console.areas import start_page
from api.console.assets import VersionedFiles
from api.console.audit_routes import FILTERS, AuditPages
from api.console.case_files import CaseFilePages
from api.console.cases import CasePages
from api.console.claim import DISPOSITIONS, LIST_QUERY, CountedClaimPages, LoadedAsHistory, history_page
from api.console.compression import CompressedPages
from api.console.confirming import how_to_confirm, proved_again
from api.console.evidence import EvidencePages
from api.console.guard import GuardedConsole
from api.console.health import HealthPages
from api.console.member_routes import MemberPages
from api.console.member_search import MemberSearchPages
from api.console.model import ModelPages
from api.console.own import OwnPages
from api.console.page_route import ConsoleRoute as _Page
from api.console.queue import QueuePages
from api.console.reading import path_id, read_day, read_place, read_session_form
from api.console.rescreening_page import CLOSING_REASONS
from api.console.samples import SamplePages
from api.console.search import SearchPages
from api.console.service import Console
from api.console.subjects import SubjectPages
from api.console.summary import SummaryPages
from api.console.team import TeamPages
from api.database import DATABASE_FAILURES
from api.errors import ApiError, Conflict, Invalid, NotFound, SignatureRequired, SignInThrottled, StepUpRequired
from api.fields import MAX_NOTE
from api.identity import Scope
from api.outbox import MAX_REASON
from api.paging import write_cursor
from api.problems import database_problem

_DECISION_FIELDS = frozenset({"amount", "reason", "documents", "due_on", "disposition", "kind", "note"})
"""Fields of the decision forms beside which an error is shown."""

_SHOWN = (Invalid, Conflict, NotFound, SignInThrottled)
"""What is shown above the form that was refused."""


@dataclass(frozen=True, slots=True)
class _RefusedForm:
    """A form that was refused: what was entered, the problem, and errors by field."""

    entered: Mapping[str, str] = field(default_factory=dict)
    problem: str | None = None
    errors: Mapping[str, str] = field(default_factory=dict)


_Act = Callable[[SignedIn, str, Mapping[str, str]], Awaitable[None]]
_Refusal = Callable[[SignedIn, Mapping[str, str], ApiError], Awaitable[Response]]


class _Pages:
    """The handlers."""

    def __init__(self, pages: PageRenderer) -> None:
        self._pages = pages

    async def home(self, request: Request) -> Response:
        signed_in = await who(request)
        if signed_in is None:
            return to_sign_in(request)
        if not signed_in.sees_claims:
            return RedirectResponse(start_page(signed_in.caller), status_code=303)
        claim_id = request.query_params.get("claim_id", "").strip()
        if claim_id:
            return RedirectResponse(f"/console/claims/{quote(claim_id, safe='')}", status_code=303)
        member_id = request.query_params.get("member_id", "").strip()
        if member_id:
            return RedirectResponse(f"/console/members/{quote(member_id, safe='')}", status_code=303)
        return self._pages.page("home.html", signed_in, flagged=await _console(request).flagged())

    async def claim(self, request: Request) -> Response:
        signed_in = await who(request)
        if signed_in is None:
            return to_sign_in(request)
        try:
            return await self._claim(request, signed_in)
        except LoadedAsHistory:
            page = await history_page(_console(request).database, _claim_id(request))
            may_open = signed_in.may(Scope.FINDINGS) or signed_in.may_read_consents
            return self._pages.page("claim/history.html", signed_in, page=page, may_open_member=may_open)

    async def record(self, request: Request) -> Response:
        """The form of a finding."""

        async def refused(signed_in: SignedIn, entered: Mapping[str, str], error: ApiError) -> Response:
            problem = "; ".join(f"{one.field.replace('_', ' ')}: {one.message}" for one in error.errors)
            problem = problem or f"Not done: {error.detail}."
            return await self._claim(request, signed_in, _RefusedForm(entered, problem), status=error.status)

        return await self._act(request, "finding", _console(request).record, refused)

    async def decide(self, request: Request) -> Response:
        """The forms of a decision."""

        async def refused(signed_in: SignedIn, entered: Mapping[str, str], error: ApiError) -> Response:
            # The page shows the last decision; the form is gone where it can no longer be used.
            problem, beside = f"Not done: {error.detail}.", {}
            if isinstance(error, Invalid):
                errors = {one.field.partition("[")[0]: one.message for one in error.errors}
                beside = {name: message for name, message in errors.items() if name in _DECISION_FIELDS}
                problem = "; ".join(f"{name}: {message}" for name, message in errors.items() if name not in beside)
            decision = _RefusedForm(entered, problem or None, beside)
            return await self._claim(request, signed_in, decision=decision, status=error.status)

        return await self._act(request, "decision", _console(request).decide, refused)

    async def decide_appeal(self, request: Request) -> Response:
        """The form of an appeal's outcome."""

        async def refused(signed_in: SignedIn, entered: Mapping[str, str], error: ApiError) -> Response:
            problem = "; ".join(f"{one.field}: {one.message}" for one in error.errors) or f"Not done: {error.detail}."
            return await self._claim(request, signed_in, appeal=_RefusedForm(entered, problem), status=error.status)

        return await self._act(request, "appeal", _console(request).decide_appeal, refused)

    async def close_rescreening(self, request: Request) -> Response:
        """The form that closes a finding of re-screening."""

        async def refused(signed_in: SignedIn, entered: Mapping[str, str], error: ApiError) -> Response:
            problem = "; ".join(f"{one.field}: {one.message}" for one in error.errors) or f"Not done: {error.detail}."
            form = _RefusedForm(entered, problem)
            return await self._claim(request, signed_in, rescreening=form, status=error.status)

        return await self._act(request, "rescreening", _console(request).close_rescreening, refused)

    async def rescreening(self, request: Request) -> Response:
        """Open findings of re-screening."""
        signed_in = await who(request)
        if signed_in is None:
            return to_sign_in(request)
        page = await _console(request).rescreening(read_place(request.query_params.get("after")))
        return self._pages.page("rescreening.html", signed_in, page=page, next_page=write_cursor(page.next_place))

    async def _act(self, request: Request, section: str, act: _Act, refused: _Refusal) -> Response:
        """Take the action of a form; shows the claim's page at `section`, with the form where it was refused."""
        signed_in = await who(request)
        claim_page = request.url.path.removesuffix(f"/{section}")
        if signed_in is None:
            return to_sign_in(request, claim_page)
        entered = await read_session_form(request)
        code = entered.pop("code", "").strip()
        try:
            signed_in = await proved_again(request, signed_in, code)
            await act(signed_in, _claim_id(request), entered)
        except _SHOWN as error:
            return await refused(signed_in, entered, error)
        except (StepUpRequired, SignatureRequired):
            return await refused(signed_in, entered, StepUpRequired(how_to_confirm(signed_in)))
        return RedirectResponse(f"{claim_page}#{section}", status_code=303)

    async def in_review(self, request: Request) -> Response:
        signed_in = await who(request)
        if signed_in is None:
            return to_sign_in(request)
        count, page = await _console(request).queue(read_place(request.query_params.get("after")))
        next_page = write_cursor(page.next_place)
        return self._pages.page("in_review.html", signed_in, count=count, rows=page.items, next_page=next_page)

    async def appeals(self, request: Request) -> Response:
        """Appeals that wait for a decision, and suspended edits."""
        signed_in = await who(request)
        if signed_in is None:
            return to_sign_in(request)
        page = await _console(request).open_appeals(read_place(request.query_params.get("after")))
        return self._pages.page("appeals.html", signed_in, page=page, next_page=write_cursor(page.next_place))

    async def dead_letters(self, request: Request) -> Response:
        """Events that could not be handled."""
        signed_in = await who(request)
        return to_sign_in(request) if signed_in is None else await self._dead_letters(request, signed_in)

    async def resolve_dead_letter(self, request: Request) -> Response:
        """The forms that replay or discard an event."""
        signed_in = await who(request)
        if signed_in is None:
            return to_sign_in(request, "/console/dead-letters")
        form = await read_session_form(request)
        code, position = form.pop("code", "").strip(), request.path_params["position"]
        try:
            signed_in = await proved_again(request, signed_in, code)
            await _console(request).failed_work.resolve_dead_letter(signed_in, position, form)
        except _SHOWN as error:
            refused = _RefusedForm({str(position): form.get("reason", "")}, f"Event {position}: {_details(error)}")
            return await self._dead_letters(request, signed_in, refused, error.status)
        except (StepUpRequired, SignatureRequired) as error:
            refused = _RefusedForm({str(position): form.get("reason", "")}, f"Not done: {how_to_confirm(signed_in)}.")
            return await self._dead_letters(request, signed_in, refused, error.status)
        return RedirectResponse("/console/dead-letters", status_code=303)

    async def _dead_letters(
        self, request: Request, signed_in: SignedIn, refused: _RefusedForm | None = None, status: int = 200
    ) -> Response:
        rows, refused = await _console(request).failed_work.dead_letters(signed_in), refused or _RefusedForm()
        return self._pages.page(
            "dead_letters.html", signed_in, status=status, rows=rows, refused=refused, max_reason=MAX_REASON
        )

    async def tasks(self, request: Request) -> Response:
        """Tasks that failed."""
        signed_in = await who(request)
        return to_sign_in(request) if signed_in is None else await self._tasks(request, signed_in)

    async def resolve_task(self, request: Request) -> Response:
        """The forms that replay or discard a task."""
        signed_in = await who(request)
        if signed_in is None:
            return to_sign_in(request, "/console/tasks")
        form = await read_session_form(request)
        code, entered = form.pop("code", "").strip(), {request.path_params["task_id"]: form.get("reason", "")}
        try:
            task_id = path_id(request, "task_id")
            signed_in = await proved_again(request, signed_in, code)
            await _console(request).failed_work.resolve_task(signed_in, task_id, form)
        except _SHOWN as error:
            refused = _RefusedForm(entered, f"Not done: {_details(error)}.")
            return await self._tasks(request, signed_in, refused, error.status)
        except (StepUpRequired, SignatureRequired) as error:
            refused = _RefusedForm(entered, f"Not done: {how_to_confirm(signed_in)}.")
            return await self._tasks(request, signed_in, refused, error.status)
        return RedirectResponse("/console/tasks", status_code=303)

    async def _tasks(
        self, request: Request, signed_in: SignedIn, refused: _RefusedForm | None = None, status: int = 200
    ) -> Response:
        rows, refused = await _console(request).failed_work.failed_tasks(signed_in), refused or _RefusedForm()
        return self._pages.page(
            "tasks.html", signed_in, status=status, rows=rows, refused=refused, max_reason=MAX_REASON
        )

    async def reviews(self, request: Request) -> Response:
        signed_in = await who(request)
        if signed_in is None:
            return to_sign_in(request)
        page = await _console(request).weekly_list(read_day(request.query_params.get("week")))
        week, step = page.week, timedelta(days=7)
        return self._pages.page(
            "reviews.html", signed_in, week=week, step=step, claims=page.claims, promise=page.promise
        )

    async def failed(self, request: Request, error: Exception) -> Response:
        """An error as a page; the framework's errors are shown as a missing page."""
        if isinstance(error, DATABASE_FAILURES):
            problem = database_problem(error)
            if problem is None:
                raise error  # a defect, which the application logs
            error = problem
        if isinstance(error, ApiError):
            page = self._pages.message(error.title, _details(error), error.status)
            page.headers.update(error.headers)
            return page
        status = error.status_code if isinstance(error, HTTPException) else 500
        return self._pages.message("Page not found", "Go back to the start page and try again.", status)

    async def _claim(
        self,
        request: Request,
        signed_in: SignedIn,
        finding: _RefusedForm | None = None,
        *,
        decision: _RefusedForm | None = None,
        appeal: _RefusedForm | None = None,
        rescreening: _RefusedForm | None = None,
        status: int = 200,
    ) -> Response:
        """A claim's page, with a form that was refused."""
        finding, decision = finding or _RefusedForm(), decision or _RefusedForm()
        console, claim_id = _console(request), _claim_id(request)
        fields = {name: finding.entered.get(name, "") for name in ("disposition", "kind", "amount_recovered", "note")}
        explained = await console.explain(claim_id)
        panel = await console.decision(
            signed_in, claim_id, entered=decision.entered, errors=decision.errors, problem=decision.problem
        )
        return self._pages.page(
            "claim.html",
            signed_in,
            status=status,
            page=explained.page,
            context=explained.context,
            similar=explained.similar,
            panel=panel,
            payment=await console.payment(claim_id),
            appeals=await console.appeals_of(signed_in, claim_id),
            refused_appeal=appeal or _RefusedForm(),
            rescreened=await console.rescreened(claim_id),
            refused_rescreening=rescreening or _RefusedForm(),
            closing_reasons=CLOSING_REASONS,
            stated=DISPOSITIONS,
            dispositions=await console.dispositions(claim_id),
            may_record=signed_in.may(Scope.FINDINGS),
            max_note=MAX_NOTE,
            entered=fields,
            problem=finding.problem,
        )


def console_app() -> Starlette:
    """The console, to be mounted at `/console`; its `state.console` is a `Console` before the first request."""
    renderer = PageRenderer()
    pages, access, provider = _Pages(renderer), AccessPages(renderer), ProviderPages(renderer)
    audit, members = AuditPages(renderer), MemberPages(renderer)
    counted, subjects = CountedClaimPages(renderer), SubjectPages(renderer)
    found_members, case_pages = MemberSearchPages(renderer), CasePages(renderer)
    console = Starlette(
        routes=[
            _Page("/", pages.home, queries=["claim_id", "member_id"]),
            _Page("/claims", counted.claims, queries=[*LIST_QUERY, "after"]),
            _Page("/claims.csv", counted.export, queries=LIST_QUERY),
            _Page("/claims/{claim_id}", pages.claim),
            _Page("/claims/{claim_id}/finding", pages.record, methods=["POST"]),
            _Page("/claims/{claim_id}/decision", pages.decide, methods=["POST"]),
            _Page("/claims/{claim_id}/appeal", pages.decide_appeal, methods=["POST"]),
            _Page("/claims/{claim_id}/rescreening", pages.close_rescreening, methods=["POST"]),
            _Page("/members", found_members.form),
            _Page("/members", found_members.find, methods=["POST"]),
            *subjects.routes(),
            *members.routes(),
            *SummaryPages(renderer).routes(),
            *TeamPages(renderer).routes(),
            *HealthPages(renderer).routes(),
            *ModelPages(renderer).routes(),
            *case_pages.routes(),
            *CaseFilePages(case_pages.shown).routes(),
            _Page("/rescreening", pages.rescreening, queries=["after"]),
            _Page("/appeals", pages.appeals, queries=["after"]),
            _Page("/in-review", pages.in_review, queries=["after"]),
            _Page("/reviews", pages.reviews, queries=["week"]),
            _Page("/dead-letters", pages.dead_letters),
            _Page("/dead-letters/{position:int}", pages.resolve_dead_letter, methods=["POST"]),
            _Page("/audit", audit.entries, queries=[*FILTERS, "before"]),
            _Page("/audit/{audit_id}", audit.entry),
            _Page("/tasks", pages.tasks),
            _Page("/tasks/{task_id}", pages.resolve_task, methods=["POST"]),
            _Page("/sign-in", access.sign_in_form, queries=["next"]),
            _Page("/sign-in", access.sign_in, methods=["POST"]),
            _Page("/oidc", provider.begin, methods=["POST"]),
            _Page("/oidc/callback", provider.finish, takes_any_query=True),
            _Page("/sign-out", access.sign_out, methods=["POST"]),
            _Page("/password", access.password_form),
            _Page("/password", access.change_password, methods=["POST"]),
            _Page("/second-factor", access.second_factor_form),
            _Page("/second-factor", access.begin_second_factor, methods=["POST"]),
            _Page("/second-factor/confirm", access.confirm_second_factor, methods=["POST"]),
            _Page("/sessions", access.sessions),
            _Page("/sessions", access.end_sessions, methods=["POST"]),
            *OwnPages(renderer).routes(),
            *EvidencePages(renderer).routes(),
            *SamplePages(renderer).routes(),
            *QueuePages(renderer).routes(),
            _Page("/search", SearchPages(renderer).search, queries=["q"]),
            Mount("/static", VersionedFiles()),
        ],
        middleware=[Middleware(CompressedPages), Middleware(GuardedConsole)],
        exception_handlers=dict.fromkeys([ApiError, HTTPException, *DATABASE_FAILURES], pages.failed),
    )
    renderer.lead_to(f"/console{one.path}" for one in console.routes if isinstance(one, _Page))
    return console


def _details(error: ApiError) -> str:
    return "; ".join(f"{one.field} {one.message}" for one in error.errors) or error.detail


def _console(request: Request) -> Console:
    console: Console = request.app.state.console
    return console


def _claim_id(request: Request) -> str:
    return path_id(request, "claim_id")
