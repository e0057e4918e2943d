"""Users over HTTP, for administrators."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import AfterValidator
from starlette.responses import Response

from api.dependencies import UsersCaller, dependencies
from api.entries import Cursor, Limit, RequiredIfMatch, changed, changing
from api.errors import Conflict
from api.fields import as_claim_id
from api.openapi import SuccessResponse, operation
from api.paging import read_cursor, write_cursor
from api.requests import parse, read_body
from api.responses import json_response
from api.sparse_fields import SparseFields
from api.users.responses import UserOut, UserPage, UserPasswordOut
from api.users.schemas import PasswordResetIn, SecondFactorResetIn, UserIn, UserUpdate

router = APIRouter(tags=["users"])
_LISTED = SparseFields(UserPage, "users")
ListedUserFields = Annotated[Annotated[str, _LISTED.check] | None, _LISTED.query]
UserId = Annotated[
    str,
    Path(description="Id of the user.", examples=["usr_01m86p3ap6yntdyk7shqjq4hs9"]),
    AfterValidator(as_claim_id),
]


@router.post(
    "/v1/users",
    status_code=201,
    response_model=UserPasswordOut,
    openapi_extra=operation(body=UserIn, errors=[Conflict], success=SuccessResponse(201, headers=["Location"])),
)
async def create_user(request: Request, caller: UsersCaller) -> Response:
    """Create a user. The response has a password for the first sign-in, which is shown once.

    A login belongs to one user, so a repeated request is refused and adds nothing.
    """
    own = dependencies(request)
    sent = parse(UserIn, await read_body(request, own.settings.max_body_bytes))
    user, password = await own.users.create(caller, sent)
    response = json_response(UserPasswordOut.with_password(user, password), 201)
    response.headers["Location"] = f"/v1/users/{user.user_id}"
    return response


@router.get("/v1/users", response_model=UserPage, openapi_extra=operation())
async def list_users(
    request: Request, _caller: UsersCaller, limit: Limit = 50, cursor: Cursor = None, fields: ListedUserFields = None
) -> Response:
    """List users, the oldest first."""
    after = None if cursor is None else read_cursor(cursor)
    page = await dependencies(request).users.page(after, limit)
    shown = [UserOut.model_validate(one) for one in page.items]
    listed = UserPage(users=shown, next_cursor=write_cursor(page.next_place))
    return json_response(listed, fields=_LISTED.chosen(fields))


@router.get("/v1/users/{user_id}", response_model=UserOut, openapi_extra=operation())
async def get_user(request: Request, _caller: UsersCaller, user_id: UserId) -> Response:
    """Read a user."""
    return json_response(UserOut.model_validate(await dependencies(request).users.get(user_id)))


@router.put("/v1/users/{user_id}", response_model=UserOut, openapi_extra=changing(UserUpdate))
async def update_user(request: Request, caller: UsersCaller, user_id: UserId, if_match: RequiredIfMatch) -> Response:
    """Replace what is stated of a user, or disable or enable it. Another role or state ends its sessions."""
    own = dependencies(request)
    sent = parse(UserUpdate, await read_body(request, own.settings.max_body_bytes))
    user = await own.users.update(caller, user_id, sent, if_match)
    own.access_tokens.forget_later(user_id)
    return changed(UserOut.model_validate(user))


@router.post(
    "/v1/users/{user_id}/reset-second-factor",
    response_model=UserOut,
    openapi_extra=operation(body=SecondFactorResetIn, errors=[Conflict]),
)
async def reset_second_factor(request: Request, caller: UsersCaller, user_id: UserId) -> Response:
    """Remove the second factor of a user with the recovery codes, and end the sessions."""
    own = dependencies(request)
    sent = parse(SecondFactorResetIn, await read_body(request, own.settings.max_body_bytes))
    user = await own.users.reset_second_factor(caller, user_id, sent.reason)
    own.access_tokens.forget_later(user_id)
    return json_response(UserOut.model_validate(user))


@router.post(
    "/v1/users/{user_id}/reset-password",
    response_model=UserPasswordOut,
    openapi_extra=operation(body=PasswordResetIn, errors=[Conflict]),
)
async def reset_password(request: Request, caller: UsersCaller, user_id: UserId) -> Response:
    """Replace the password of a user by a new one, which is shown once, and end the sessions."""
    own = dependencies(request)
    sent = parse(PasswordResetIn, await read_body(request, own.settings.max_body_bytes))
    user, password = await own.users.reset_password(caller, user_id, sent.reason)
    own.access_tokens.forget_later(user_id)
    return json_response(UserPasswordOut.with_password(user, password))
