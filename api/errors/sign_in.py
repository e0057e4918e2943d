"""Errors of signing in, and of what needs a recent second factor."""

from types import MappingProxyType

from api.errors.base import ApiError, retry_after


class SignInIncomplete(ApiError):
    """Login and password are right, and a step is missing, which `next` names: `second-factor`, `enrol-second-factor`
    or `change-password`."""

    status, kind, title = 401, "sign-in-incomplete", "A step of the sign-in is missing"
    example = "send the code of the authenticator app as `code`, or a recovery code as `recovery_code`"
    headers = MappingProxyType({"WWW-Authenticate": "Bearer"})


class StepUpRequired(ApiError):
    """This needs a second factor that was confirmed in the last ten minutes (RFC 9470): sign in again with a code."""

    status, kind, title = 401, "step-up-required", "A recent second factor is required"
    example = "sign in again with a code of the authenticator app, and send the new access token"
    headers = MappingProxyType({"WWW-Authenticate": 'Bearer error="insufficient_user_authentication", max_age="600"'})


class SignInThrottled(ApiError):
    """Too many failed sign-ins of this login or from this address; `retry_after_s` says when the next is accepted."""

    status, kind, title = 429, "sign-in-throttled", "Too many failed sign-ins"
    example = "too many failed sign-ins; try again in 8 s"
    headers = retry_after(1)

    def __init__(self, wait_s: int) -> None:
        """`wait_s`: seconds until the next attempt is accepted."""
        super().__init__(f"too many failed sign-ins; try again in {wait_s} s", extensions={"retry_after_s": wait_s})
        self.headers = retry_after(wait_s)
