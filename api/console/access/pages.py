"""The pages for signing in and out, for what a sign-in still needs, and for a user's own sessions."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.console.access.records import OpenedSession
from api.console.access.rendering import PageRenderer, access_of, to_sign_in, who
from api.console.access.service import SESSION
from api.console.access.throttle import SignInThrottle
from api.console.reading import SessionCookie, inside, read_form, read_session_form, session_token
from api.errors import ApiError, NotFound, SignInIncomplete, Unauthorized
from api.tokens import RECENT
from api.users import SignInAttempt
from core import clock
from core.format import utc_minute

_CLEARED: Final = '"cache", "storage"'
"""What a browser forgets at the sign-out (W3C Clear Site Data). The cookie is deleted by name: the directive for
cookies would delete those of every other site of the insurer's domain."""
_STEPS: Final[Mapping[str, str]] = {
    "change-password": "/console/password",
    "enrol-second-factor": "/console/second-factor",
}
"""Where a sign-in goes on that lacks more than a code, by `next` of `SignInIncomplete`."""
_WHAT_IS_MISSING: Final[Mapping[str, str]] = {
    "second-factor": "enter the current code of the authenticator app, or a recovery code",
    "change-password": "the password was chosen by somebody else; choose your own",
    "enrol-second-factor": "your role signs in with a second factor; set it up with an authenticator app",
}


class AccessPages:
    """The handlers."""

    def __init__(self, pages: PageRenderer) -> None:
        self._pages = pages
        self._throttle = SignInThrottle()

    async def sign_in_form(self, request: Request) -> Response:
        """The page for signing in."""
        return await self._sign_in(request, inside(request.query_params.get("next", "")))

    async def sign_in(self, request: Request) -> Response:
        """The forms of the page: of a user, or of a key where no user exists yet."""
        form = await read_form(request)
        following = inside(form.get("next", ""))
        try:
            if "api_key" in form:
                return await self._with_key(request, form, following)
            opened = await access_of(request).sign_in(attempt_of(request, form), session_token(request))
        except SignInIncomplete as incomplete:
            step = str((incomplete.extensions or {}).get("next", ""))
            problem = _WHAT_IS_MISSING.get(step, incomplete.detail)
            return await self._sign_in(
                request, following, problem=problem, status=401, login=form.get("login", ""), step=_STEPS.get(step)
            )
        except ApiError as error:
            page = await self._sign_in(
                request, following, problem=error.detail, status=error.status, login=form.get("login", "")
            )
            _copy_retry_after(error, page)
            return page
        return signed_in_response(request, opened, RedirectResponse(following, status_code=303))

    async def sign_out(self, request: Request) -> Response:
        """End the session; the browser forgets what it holds of this site."""
        token = session_token(request)
        if token:
            await read_session_form(request)
            await access_of(request).sign_out(token)
        answer = RedirectResponse("/console/sign-in", status_code=303, headers={"Clear-Site-Data": _CLEARED})
        cookie = SessionCookie.of(request)
        answer.delete_cookie(cookie.name, path=cookie.path, secure=cookie.secure, httponly=True, samesite="strict")
        return answer

    async def password_form(self, request: Request) -> Response:
        """The page that changes a password; it needs no session, as the password is asked for."""
        return self._pages.page("password.html", None, problem=None, login="")

    async def change_password(self, request: Request) -> Response:
        """The form that changes a password."""
        form = await read_form(request)

        async def change() -> Response:
            sign_ins = access_of(request).sign_ins
            await sign_ins.change_password(attempt_of(request, form), form.get("new_password", ""))
            return self._pages.message("Password changed", "Your sessions have ended. Sign in with the new one.", 200)

        return await self._without_session("password.html", form, change)

    async def second_factor_form(self, request: Request) -> Response:
        """The page that sets up a second factor; it needs no session, as the password is asked for."""
        return self._pages.page("second_factor.html", None, problem=None, login="", secret=None)

    async def begin_second_factor(self, request: Request) -> Response:
        """The form that begins a second factor: shows its secret."""
        form = await read_form(request)

        async def begin() -> Response:
            secret, uri = await access_of(request).sign_ins.enrol(attempt_of(request, form))
            return self._new_factor(form, secret=secret, uri=uri)

        return await self._without_session("second_factor.html", form, begin, secret=None)

    async def confirm_second_factor(self, request: Request) -> Response:
        """The form with the first code of a second factor: shows the recovery codes, once."""
        form = await read_form(request)

        async def confirm() -> Response:
            codes = await access_of(request).sign_ins.confirm(attempt_of(request, form))
            return self._pages.page("recovery_codes.html", None, codes=codes)

        return await self._without_session("second_factor_code.html", form, confirm, secret=None, uri=None)

    async def sessions(self, request: Request) -> Response:
        """The sessions of the user."""
        return await self._sessions(request)

    async def end_sessions(self, request: Request) -> Response:
        """The forms that end one session or all of them."""
        signed_in = await who(request)
        if signed_in is None:
            return to_sign_in(request)
        form = await read_session_form(request)
        if signed_in.signed_in_at <= clock.now() - RECENT:
            problem = "this needs a sign-in of the last ten minutes: sign out, sign in again and repeat it"
            return await self._sessions(request, problem=problem, status=401)
        sessions, chosen = access_of(request).sessions, form.get("session_id", "")
        try:
            if chosen == "all":
                await sessions.end_all(signed_in.caller)
            else:
                await sessions.end(signed_in.caller, chosen)
        except NotFound:
            return await self._sessions(request, problem="this session has ended", status=404)
        return RedirectResponse("/console/sessions", status_code=303)

    async def _sessions(self, request: Request, *, problem: str | None = None, status: int = 200) -> Response:
        signed_in = await who(request)
        if signed_in is None:
            return to_sign_in(request)
        found = await access_of(request).sessions.of_user(signed_in.actor_id)
        lines = [
            {
                "session_id": one.session_id,
                "kind": "this browser" if one.session_id == signed_in.session_id else one.kind,
                "began": utc_minute(one.created_at),
                "used": utc_minute(one.used_at),
                "ends": utc_minute(one.expires_at),
                "address": one.address or "unknown",
                "agent": one.agent or "unknown",
            }
            for one in found
        ]
        return self._pages.page("sessions.html", signed_in, status=status, problem=problem, lines=lines)

    async def _with_key(self, request: Request, form: Mapping[str, str], following: str) -> Response:
        address = _address(request)
        wait_s = self._throttle.wait_s(address)
        if wait_s:
            problem = f"too many failed sign-ins from this address; try again in {wait_s} s"
            page = await self._sign_in(request, following, problem=problem, status=429)
            page.headers["Retry-After"] = str(wait_s)
            return page
        try:
            opened = await access_of(request).sign_in_with_key(form["api_key"].strip(), session_token(request))
        except Unauthorized:
            self._throttle.count_failure(address)
            raise
        return signed_in_response(request, opened, RedirectResponse(following, status_code=303))

    async def _sign_in(
        self,
        request: Request,
        following: str,
        *,
        problem: str | None = None,
        status: int = 200,
        login: str = "",
        step: str | None = None,
    ) -> Response:
        return self._pages.page(
            "sign_in.html",
            None,
            status=status,
            next=following,
            problem=problem,
            login=login,
            step=step,
            offers=await access_of(request).offers(),
            minutes=int(SESSION.total_seconds() // 60),
        )

    def _new_factor(
        self,
        form: Mapping[str, str],
        *,
        secret: str | None,
        uri: str | None,
        problem: str | None = None,
        status: int = 200,
    ) -> Response:
        login = form.get("login", "")
        return self._pages.page(
            "second_factor_code.html", None, status=status, problem=problem, login=login, secret=secret, uri=uri
        )

    async def _without_session(
        self, template: str, form: Mapping[str, str], act: Callable[[], Awaitable[Response]], **values: object
    ) -> Response:
        """The response of `act`; where it is refused, the form again with the problem."""
        try:
            return await act()
        except ApiError as error:
            problem = "; ".join(f"{one.field.replace('_', ' ')} {one.message}" for one in error.errors)
            if isinstance(error, SignInIncomplete):
                step = str((error.extensions or {}).get("next", ""))
                problem = _WHAT_IS_MISSING.get(step, error.detail)
            page = self._pages.page(
                template,
                None,
                status=error.status,
                problem=problem or error.detail,
                login=form.get("login", ""),
                **values,
            )
            _copy_retry_after(error, page)
            return page


def attempt_of(request: Request, form: Mapping[str, str]) -> SignInAttempt:
    """What a form says of who signs in; its code is one of the authenticator app or a recovery code."""
    return SignInAttempt.of(
        form.get("login", ""), form.get("password", ""), _address(request), form.get("code", "").strip()
    )


def signed_in_response(request: Request, opened: OpenedSession, answer: Response) -> Response:
    """The response with the cookie of a new session."""
    cookie = SessionCookie.of(request)
    answer.set_cookie(
        cookie.name,
        opened.token,
        max_age=int((opened.expires_at - clock.now()).total_seconds()),
        path=cookie.path,
        secure=cookie.secure,
        httponly=True,
        samesite="strict",
    )
    return answer


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _copy_retry_after(error: ApiError, page: Response) -> None:
    if "Retry-After" in error.headers:
        page.headers["Retry-After"] = error.headers["Retry-After"]
