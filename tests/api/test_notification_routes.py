"""Notifications over HTTP: subscriptions, failed messages, and who may see and change them."""

import pytest

from api.notifications.routes import MAX_MAILS
from api.notifications.schemas import EventName
from api.notifications.service import NotificationEvent
from tests.api.decisions import held
from tests.api.mail import ANN, BEN, deliver, mails, smtp_server
from tests.api.makers import Api
from tests.api.webhooks import failed_mail

SUBSCRIPTIONS = "/v1/notification-subscriptions"
MAILS = "/v1/notification-mails"


def test_the_routes_know_every_event():
    assert list(EventName.__args__) == [one.value for one in NotificationEvent]


async def test_a_subscription_is_added_listed_read_and_removed_and_each_change_is_recorded(api: Api):
    new = {"event": "claim.in_review", "recipient": "ann@Insurer.Example", "minimum": "5000.00"}
    response = await api.post(SUBSCRIPTIONS, new, role="operator")
    added = response.json()
    assert response.status_code == 201
    assert response.headers["location"] == f"{SUBSCRIPTIONS}/{added['subscription_id']}"
    assert (added["recipient"], added["minimum"], added["created_by"]) == ("ann@insurer.example", 5000.0, "operator")
    again = await api.post(SUBSCRIPTIONS, new | {"recipient": "ANN@insurer.example"}, role="operator")
    assert again.status_code == 409
    assert (await api.get(SUBSCRIPTIONS, role="operator")).json() == {"subscriptions": [added]}
    url = response.headers["location"]
    assert (await api.get(url, role="operator")).json() == added
    for status in (204, 404):
        assert (await api.client.delete(url, headers=api.as_("operator"))).status_code == status
    assert (await api.get(url, role="operator")).status_code == 404
    assert (await api.get(SUBSCRIPTIONS, role="operator")).json() == {"subscriptions": []}
    acts = "SELECT act, details ->> 'recipient_id' FROM audit_log WHERE starts_with(act, 'notification') ORDER BY at"
    assert [row[0] for row in api.rows(acts)] == ["notification_subscription.add", "notification_subscription.remove"]


async def test_a_subscription_that_is_added_over_http_is_notified(api: Api):
    async with smtp_server() as box:
        await api.post(SUBSCRIPTIONS, {"event": "claim.in_review", "recipient": ANN}, role="operator")
        claim_id = await held(api)
        assert await deliver(api, box) == 1
        assert claim_id in box.texts()[0]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"event": "claim.decided"}, "event"),
        ({"recipient": "ann"}, "recipient"),
        ({"recipient": "ann@insurer.example\r\nBcc: x@y.example"}, "recipient"),
        ({"recipient": "a" * 65 + "@insurer.example"}, "recipient"),
        ({"minimum": 0}, "minimum"),
        ({"minimum": "0.001"}, "minimum"),
        ({"event": "model.promoted", "minimum": 1}, "minimum"),
        ({"unknown": 1}, "unknown"),
    ],
)
async def test_an_invalid_subscription_is_refused_by_its_field(api: Api, change: dict[str, object], field: str):
    response = await api.post(SUBSCRIPTIONS, {"event": "claim.in_review", "recipient": ANN} | change)
    assert response.status_code == 422
    assert [one["field"] for one in response.json()["errors"]] == [field]
    assert api.count("notification_subscriptions") == 0


async def test_only_operators_and_admins_manage_notifications_and_reports_need_their_scope(api: Api):
    new = {"event": "work.failed", "recipient": ANN}
    mail_id = failed_mail(api)
    for role in ("provider", "claims_system", "investigator", "lead_investigator"):
        for response in (
            await api.post(SUBSCRIPTIONS, new, role=role),
            await api.get(SUBSCRIPTIONS, role=role),
            await api.get(MAILS, role=role),
            await api.post(f"{MAILS}/{mail_id}/retry", b"", role=role),
        ):
            assert response.status_code == 403
    report = new | {"event": "report.provider_scorecards"}
    refused = await api.post(SUBSCRIPTIONS, report, role="operator")
    assert (refused.status_code, "reports:read" in refused.json()["detail"]) == (403, True)
    assert (await api.post(SUBSCRIPTIONS, report, role="admin")).status_code == 201


async def test_a_subscription_is_removed_only_as_it_was_read_if_the_request_says_so(api: Api):
    added = await api.post(SUBSCRIPTIONS, {"event": "work.failed", "recipient": ANN}, role="operator")
    url = added.headers["location"]
    tag = (await api.get(url, role="operator")).headers["etag"]
    other = await api.client.delete(url, headers=api.as_("operator") | {"If-Match": '"x"'})
    assert (other.status_code, api.count("notification_subscriptions")) == (412, 1)
    assert (await api.client.delete(url, headers=api.as_("operator") | {"If-Match": tag})).status_code == 204


async def test_a_failed_message_is_sent_again_with_all_its_attempts(api: Api):
    mail_id = failed_mail(api)
    listed = (await api.get(f"{MAILS}?status=failed", role="operator")).json()["mails"]
    assert [(one["mail_id"], one["answer"]) for one in listed] == [(mail_id, "550 no such mailbox")]
    assert "body" not in listed[0]
    retried = await api.post(f"{MAILS}/{mail_id}/retry", b"", role="operator")
    assert (retried.status_code, retried.json()["status"], retried.json()["attempts"]) == (200, "pending", 0)
    again = await api.post(f"{MAILS}/{mail_id}/retry", b"", role="operator")
    assert (again.status_code, "the message is pending" in again.json()["detail"]) == (409, True)
    async with smtp_server() as box:
        await deliver(api, box)
        ((_, message),) = box.received
        assert mail_id in message["Message-ID"]
    (sent,) = await mails(api)
    assert (sent.status, sent.attempts) == ("sent", 1)
    assert (await api.post(f"{MAILS}/{mail_id}/retry", b"", role="operator")).status_code == 409
    assert (await api.post(f"{MAILS}/mail_none/retry", b"", role="operator")).status_code == 404
    recorded = api.rows("SELECT name, details ->> 'mail_id' FROM audit_log WHERE act = 'mail.retry'")
    assert recorded == [("operator", mail_id)]


async def test_a_retry_that_is_repeated_under_its_key_is_answered_as_the_first(api: Api):
    mail_id = failed_mail(api)
    key = {"Idempotency-Key": "k"}
    first = await api.post(f"{MAILS}/{mail_id}/retry", b"", role="operator", **key)
    again = await api.post(f"{MAILS}/{mail_id}/retry", b"", role="operator", **key)
    assert (again.status_code, again.content) == (200, first.content)


async def test_messages_are_paged_and_filtered(api: Api):
    ids = [failed_mail(api) for _ in range(5)]
    api.execute(f"UPDATE mails SET status = 'sent' WHERE mail_id = '{ids[0]}'")
    api.execute(f"UPDATE mails SET recipient = '{BEN}' WHERE mail_id = '{ids[1]}'")
    found, cursor = [], ""
    while True:
        page = (await api.get(f"{MAILS}?limit=2{cursor}", role="operator")).json()
        found += [one["mail_id"] for one in page["mails"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert found == ids[::-1]
    failed = (await api.get(f"{MAILS}?status=failed&fields=mail_id", role="operator")).json()["mails"]
    assert failed == [{"mail_id": one} for one in ids[:0:-1]]
    for limit, status in ((MAX_MAILS, 200), (MAX_MAILS + 1, 422)):
        assert (await api.get(f"{MAILS}?limit={limit}", role="operator")).status_code == status
