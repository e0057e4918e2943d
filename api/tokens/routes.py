"""Signing in over HTTP.

The routes that sign in take no API key: login and password, or a refresh token, are in the body. So none of them can
be sent by a page of another site in the name of a user.
"""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import AfterValidator
from starlette.responses import Response

from api.dependencies import AnyCaller, RecentSignIn, dependencies
from api.errors import (
    DATABASE_ERRORS,
    Conflict,
    KeyProviderUnavailable,
    Overloaded,
    SignInIncomplete,
    SignInThrottled,
    StepUpRequired,
    Unauthorized,
)
from api.fields import as_claim_id
from api.identity import sent_secret
from api.openapi import SuccessResponse, operation
from api.requests import parse, read_body
from api.responses import json_response
from api.tokens.access import is_access_token
from api.tokens.responses import (
    JsonWebKeyOut,
    JsonWebKeySetOut,
    MeOut,
    RecoveryCodesOut,
    SecondFactorOut,
    TokenOut,
    UserSessionOut,
    UserSessionsOut,
)
from api.tokens.schemas import (
    PasswordChangeIn,
    RefreshIn,
    SecondFactorConfirmIn,
    SecondFactorIn,
    SignInIn,
    SignOutIn,
)
from api.users import SignInAttempt

router = APIRouter(tags=["users"])
_STORED = (*DATABASE_ERRORS, KeyProviderUnavailable)
_SIGNING_IN = (Unauthorized, SignInIncomplete, SignInThrottled, Overloaded, *_STORED)
MAX_BODY = 16_384
SessionId = Annotated[
    str,
    Path(description="Id of the session.", examples=["ses_01m86p3ap6yntdyk7shqjq4hs9"]),
    AfterValidator(as_claim_id),
]


@router.post("/v1/auth/token", response_model=TokenOut, openapi_extra=operation(body=SignInIn, errors=_SIGNING_IN))
async def sign_in(request: Request) -> Response:
    """Sign in. A wrong login, password or code gets one answer; who knows the password learns what else is missing."""
    sent = parse(SignInIn, await read_body(request, MAX_BODY))
    _, pair = await dependencies(request).sessions.sign_in(_attempt(request, sent))
    return json_response(TokenOut.of(pair))


@router.post(
    "/v1/auth/refresh",
    response_model=TokenOut,
    openapi_extra=operation(body=RefreshIn, errors=[Unauthorized, *_STORED]),
)
async def refresh_session(request: Request) -> Response:
    """Get the next tokens. A refresh token works once; a client that lost the response may send it again within 10 s.

    One that was used before was copied: the session ends, and none of its tokens works any longer.
    """
    sent = parse(RefreshIn, await read_body(request, MAX_BODY))
    _, pair = await dependencies(request).sessions.refresh(sent.refresh_token)
    return json_response(TokenOut.of(pair))


@router.post(
    "/v1/auth/sign-out",
    status_code=204,
    response_model=None,
    openapi_extra=operation(body=SignOutIn, errors=DATABASE_ERRORS, success=SuccessResponse(204)),
)
async def sign_out(request: Request) -> Response:
    """End a session. An unknown token gets the same answer."""
    sent = parse(SignOutIn, await read_body(request, MAX_BODY))
    await dependencies(request).sessions.sign_out(sent.refresh_token)
    return Response(status_code=204)


@router.post(
    "/v1/auth/totp",
    response_model=SecondFactorOut,
    openapi_extra=operation(body=SecondFactorIn, errors=_SIGNING_IN),
)
async def set_up_second_factor(request: Request) -> Response:
    """Get a secret for an authenticator app. The second factor stays as it is until the secret is confirmed."""
    sent = parse(SecondFactorIn, await read_body(request, MAX_BODY))
    secret, uri = await dependencies(request).sign_ins.enrol(_attempt(request, sent))
    return json_response(SecondFactorOut(secret=secret, uri=uri))


@router.post(
    "/v1/auth/totp/confirm",
    response_model=RecoveryCodesOut,
    openapi_extra=operation(body=SecondFactorConfirmIn, errors=[*_SIGNING_IN, Conflict]),
)
async def confirm_second_factor(request: Request) -> Response:
    """Make the new secret the second factor by its first code. The response has recovery codes, shown once.

    Sessions of the user end.
    """
    sent = parse(SecondFactorConfirmIn, await read_body(request, MAX_BODY))
    attempt = SignInAttempt(sent.login, sent.password, _address(request), sent.code)
    return json_response(RecoveryCodesOut(recovery_codes=await dependencies(request).sign_ins.confirm(attempt)))


@router.post(
    "/v1/auth/password",
    status_code=204,
    response_model=None,
    openapi_extra=operation(body=PasswordChangeIn, errors=_SIGNING_IN, success=SuccessResponse(204)),
)
async def change_password(request: Request) -> Response:
    """Change the own password. Sessions of the user end."""
    sent = parse(PasswordChangeIn, await read_body(request, MAX_BODY))
    await dependencies(request).sign_ins.change_password(_attempt(request, sent), sent.new_password)
    return Response(status_code=204)


@router.get("/v1/auth/keys", response_model=JsonWebKeySetOut, openapi_extra=operation(errors=DATABASE_ERRORS))
async def list_token_keys(request: Request) -> Response:
    """The public keys of access tokens, for systems that verify them. A key is listed while its tokens are valid."""
    keys = await dependencies(request).signing_keys.public()
    return json_response(JsonWebKeySetOut(keys=[JsonWebKeyOut.model_validate(one) for one in keys]))


@router.get("/v1/me", response_model=MeOut, openapi_extra=operation())
async def get_me(caller: AnyCaller) -> Response:
    """Who sends the request: the signed-in user or the API key, its role and what it may do."""
    return json_response(MeOut.of(caller))


@router.get("/v1/auth/sessions", response_model=UserSessionsOut, openapi_extra=operation())
async def list_sessions(request: Request, caller: AnyCaller) -> Response:
    """List the own sessions, of programs and of the console. An API key has none."""
    own, secret = dependencies(request), sent_secret(request)
    current = (await own.access_tokens.signed_in(secret)).family_id if is_access_token(secret) else None
    found = await own.sessions.of_user(caller.actor_id) if caller.is_user else []
    return json_response(UserSessionsOut(sessions=[UserSessionOut.of(one, current) for one in found]))


@router.delete(
    "/v1/auth/sessions/{session_id}",
    status_code=204,
    response_model=None,
    openapi_extra=operation(errors=[StepUpRequired], success=SuccessResponse(204)),
)
async def end_session(request: Request, caller: AnyCaller, _recent: RecentSignIn, session_id: SessionId) -> Response:
    """End one of the own sessions; needs a sign-in of the last ten minutes. One that has ended stays as it is."""
    await dependencies(request).sessions.end(caller, session_id)
    return Response(status_code=204)


@router.delete(
    "/v1/auth/sessions",
    status_code=204,
    response_model=None,
    openapi_extra=operation(errors=[StepUpRequired], success=SuccessResponse(204)),
)
async def end_all_sessions(request: Request, caller: AnyCaller, _recent: RecentSignIn) -> Response:
    """End all own sessions, this one too; needs a sign-in of the last ten minutes. An API key has none."""
    if caller.is_user:
        await dependencies(request).sessions.end_all(caller)
    return Response(status_code=204)


def _attempt(request: Request, sent: SignInIn | SecondFactorIn | PasswordChangeIn) -> SignInAttempt:
    return SignInAttempt(sent.login, sent.password, _address(request), sent.code, sent.recovery_code)


def _address(request: Request) -> str:
    return request.client.host if request.client else ""
