"""Notifications over HTTP: subscriptions, and messages with what became of them."""

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import AfterValidator
from starlette.responses import Response

from api.dependencies import OperateCaller, dependencies
from api.errors import Conflict, Forbidden, OutcomeUnknown, PreconditionFailed
from api.fields import PlainNumber, as_claim_id
from api.identity import Scope
from api.notifications.events import REPORTS, NotificationEvent
from api.notifications.records import MailStatus
from api.notifications.responses import (
    MailOut,
    MailPage,
    NotificationSubscriptionList,
    NotificationSubscriptionOut,
)
from api.notifications.schemas import MailRetryIn, SubscriptionIn
from api.notifications.service import NewSubscription
from api.openapi import SuccessResponse, operation
from api.paging import read_cursor, write_cursor
from api.requests import parse, read_body
from api.responses import json_response
from api.sparse_fields import SparseFields

router = APIRouter(tags=["notifications"])

MAX_MAILS: Final = 100
_LISTED = SparseFields(MailPage, "mails")
ListedMailFields = Annotated[Annotated[str, _LISTED.check] | None, _LISTED.query]
SubscriptionId = Annotated[
    str,
    Path(description="Id of the subscription.", examples=["sub_01m86p3ap6yntdyk7shqjq4hs9"]),
    AfterValidator(as_claim_id),
]
MailId = Annotated[
    str,
    Path(description="Id of the message.", examples=["mail_01m86p3ap6yntdyk7shqjq4hs9"]),
    AfterValidator(as_claim_id),
]


@router.post(
    "/v1/notification-subscriptions",
    status_code=201,
    response_model=NotificationSubscriptionOut,
    openapi_extra=operation(body=SubscriptionIn, errors=[Conflict], success=SuccessResponse(201, headers=["Location"])),
)
async def add_notification_subscription(request: Request, caller: OperateCaller) -> Response:
    """Notify an e-mail address of an event from now on. A second subscription of both is refused (`409`)."""
    own = dependencies(request)
    sent = parse(SubscriptionIn, await read_body(request, own.settings.max_body_bytes))
    event = NotificationEvent(sent.event)
    if event in REPORTS and not caller.may(Scope.REPORTS):
        raise Forbidden(f"reports are for keys with the scope {Scope.REPORTS.value}; use such a key")
    added = await own.notifications.add(caller, NewSubscription(event, sent.recipient, sent.minimum))
    response = json_response(NotificationSubscriptionOut.of(added), 201)
    response.headers["Location"] = f"/v1/notification-subscriptions/{added.subscription_id}"
    return response


@router.get("/v1/notification-subscriptions", response_model=NotificationSubscriptionList, openapi_extra=operation())
async def list_notification_subscriptions(request: Request, _caller: OperateCaller) -> Response:
    """List who is notified of what, by event and recipient."""
    found = await dependencies(request).notifications.all()
    shown = [NotificationSubscriptionOut.of(one) for one in found]
    return json_response(NotificationSubscriptionList(subscriptions=shown))


@router.get(
    "/v1/notification-subscriptions/{subscription_id}",
    response_model=NotificationSubscriptionOut,
    openapi_extra=operation(),
)
async def get_notification_subscription(
    request: Request, _caller: OperateCaller, subscription_id: SubscriptionId
) -> Response:
    """Read a subscription."""
    found = await dependencies(request).notifications.get(subscription_id)
    return json_response(NotificationSubscriptionOut.of(found))


@router.delete(
    "/v1/notification-subscriptions/{subscription_id}",
    status_code=204,
    response_model=None,
    openapi_extra=operation(errors=[PreconditionFailed, OutcomeUnknown], success=SuccessResponse(204)),
)
async def remove_notification_subscription(
    request: Request, caller: OperateCaller, subscription_id: SubscriptionId
) -> Response:
    """End a subscription; what was collected for it is still sent."""
    if_match = request.headers.get("if-match")
    await dependencies(request).notifications.remove(caller, subscription_id, if_match)
    return Response(status_code=204)


@router.get("/v1/notification-mails", response_model=MailPage, openapi_extra=operation())
async def list_notification_mails(
    request: Request,
    _caller: OperateCaller,
    status: Annotated[
        Literal["pending", "sent", "failed"] | None, Query(description="Only messages with this status.")
    ] = None,
    limit: Annotated[int, PlainNumber, Query(ge=1, le=MAX_MAILS, description="Messages on a page.")] = 50,
    cursor: Annotated[str | None, Query(max_length=200, description="`next_cursor` of the previous page.")] = None,
    fields: ListedMailFields = None,
) -> Response:
    """List messages with what became of them, the newest first. They are kept for 90 days."""
    page = await dependencies(request).notifications.page(
        status=None if status is None else MailStatus(status),
        after=None if cursor is None else read_cursor(cursor),
        limit=limit,
    )
    shown = [MailOut.model_validate(one) for one in page.items]
    listed = MailPage(mails=shown, next_cursor=write_cursor(page.next_place))
    return json_response(listed, fields=_LISTED.chosen(fields))


@router.post(
    "/v1/notification-mails/{mail_id}/retry",
    response_model=MailOut,
    openapi_extra=operation(body=MailRetryIn, body_required=False, errors=[Conflict]),
)
async def retry_notification_mail(request: Request, caller: OperateCaller, mail_id: MailId) -> Response:
    """Send a failed message again, under the same Message-ID and with all attempts. Who did is in the audit log."""
    own = dependencies(request)
    if body := await read_body(request, own.settings.max_body_bytes):
        parse(MailRetryIn, body)
    return json_response(MailOut.model_validate(await own.notifications.retry(caller, mail_id)))
