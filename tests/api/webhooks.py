"""A receiver of webhooks on a real port, and the parts of a worker that send to it."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any

from pydantic import SecretStr
from standardwebhooks import Webhook

from api.field_keys import WEBHOOK_BODY, FieldKeys, StoredSecrets
from api.webhooks import AddressGuard, WebhookClient, WebhookDelivery, WebhookFanOut
from core import clock
from core.settings import Settings
from tests.api.case_files import added as added_file
from tests.api.case_requests import fresh_lead, fresh_task
from tests.api.cases import opened
from tests.api.makers import ENCRYPTION_KEY, MINIMAL, Api
from tests.api.samples import sample_for
from tests.api.signing import new_signing_key

EVERY_EVENT = [
    *("claim.decided", "claim.in_review", "claim.pended", "claim.voided", "claim.appealed", "claim.appeal_decided"),
    *("edit.suspended", "edit.resumed", "policy.activated", "model.promoted"),
    *("claim.rescreened", "consent.changed", "case.closed"),
]
LOCAL = Settings(encryption_keys=SecretStr(ENCRYPTION_KEY), webhook_allowed_networks="127.0.0.0/8")


@dataclass
class ReceivedWebhook:
    """A request as the receiver got it."""

    path: str
    headers: dict[str, str]
    body: str

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verified(self, secret: str) -> Any:
        """The payload, checked by the reference library; the clock of the sender may be held by the test."""
        at = datetime.fromtimestamp(int(self.headers["webhook-timestamp"]), tz=clock.now().tzinfo)
        expected = Webhook(secret).sign(self.id, at, self.body)
        assert expected in self.headers["webhook-signature"].split(" ")
        return json.loads(self.body)


@dataclass
class Receiver:
    """A server that answers with `status`, or as `behaviour` says."""

    status: int = 200
    headers: str = ""
    behaviour: Callable[[asyncio.StreamWriter], Awaitable[None]] | None = None
    received: list[ReceivedWebhook] = field(default_factory=list)
    server_names: list[str | None] = field(default_factory=list)
    port: int = 0
    scheme: str = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/hook"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            first, *rest = head.strip().split("\r\n")
            headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in rest)}
            body = (await reader.readexactly(int(headers["content-length"]))).decode()
            self.received.append(ReceivedWebhook(first.split()[1], headers, body))
            if self.behaviour is not None:
                await self.behaviour(writer)
            else:
                writer.write(f"HTTP/1.1 {self.status} X\r\nContent-Length: 0\r\n{self.headers}\r\n".encode())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the sender has gone, or the test is over
        finally:
            writer.close()


@asynccontextmanager
async def receiving(tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    receiver = Receiver(scheme="http" if tls is None else "https")
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()


async def registered(api: Api, url: str, events: list[str] | None = None) -> dict[str, Any]:
    """A new endpoint, with its secret."""
    response = await api.post("/v1/webhook-endpoints", {"url": url, "events": events or EVERY_EVENT})
    assert response.status_code == 201, response.text
    found: dict[str, Any] = response.json()
    return found


def fan_out(api: Api) -> WebhookFanOut:
    return WebhookFanOut(api.database, api.dependencies.field_keys)


def sender(api: Api, *, guard: AddressGuard | None = None, deadline_s: float = 5.0) -> WebhookDelivery:
    """The delivery of a worker of its own."""
    client = WebhookClient(guard or AddressGuard(LOCAL.webhook_networks), deadline_s=deadline_s)
    return WebhookDelivery(api.database, client, StoredSecrets(LOCAL, FieldKeys(LOCAL, api.url)))


async def take_events(api: Api) -> None:
    """Take every event of the outbox."""
    taking = fan_out(api)
    while await taking.step():
        pass


async def stored_bodies(api: Api) -> list[tuple[str, str]]:
    """The endpoint and the body of each delivery, decrypted, the oldest first."""
    rows = api.rows("SELECT endpoint_id, delivery_id, body_sealed FROM webhook_deliveries ORDER BY created_at, 2")
    keys = api.dependencies.field_keys
    return [(endpoint, (await WEBHOOK_BODY.opened(keys, sealed, of)).decode()) for endpoint, of, sealed in rows]


async def send_due(sending: WebhookDelivery) -> int:
    """Attempt every delivery that is due, and wait for what comes of it; returns how many attempts began."""
    began = 0
    while attempts := await sending.begin():
        began += attempts
        await sending.idle()
    return began


async def deliver(api: Api, **options: Any) -> int:
    """Take every event, attempt what is due, and sweep; returns how many attempts began."""
    await take_events(api)
    sending = sender(api, **options)
    began = await send_due(sending)
    while await sending.sweep():
        pass
    return began


async def tried(api: Api, endpoint: dict[str, Any], event: str = "endpoint.test") -> str:
    """The id of a delivery of a test event."""
    response = await api.post(f"/v1/webhook-endpoints/{endpoint['endpoint_id']}/test", {"event": event})
    assert response.status_code == 201, response.text
    return str(response.json()["delivery_id"])


_numbers = count(1)


def failed_mail(api: Api) -> str:
    """The id of a message that no attempt could send."""
    mail_id = f"mail_{next(_numbers)}"
    api.execute(
        "INSERT INTO mails (mail_id, recipient, subject, body, created_at, status, attempts, answer, finished_at) "
        f"VALUES ('{mail_id}', 'ann@insurer.example', 's', 'b', now(), 'failed', 8, '550 no such mailbox', now())"
    )
    return mail_id


async def with_ids(api: Api, path: str) -> str:
    """A path whose ids are those of new things: an endpoint, a report, a task and others."""
    if "{version}" in path:
        document = {"title": f"Policy of an id {next(_numbers)}", "valid_from": "2026-01-01"}
        path = path.replace(
            "{version}", str((await api.post("/v1/policies", {"document": document})).json()["version"])
        )
    if "{endpoint_id}" in path or "{delivery_id}" in path:
        endpoint = await registered(api, f"https://127.0.0.1:9/number-{next(_numbers)}")
        delivery_id = await tried(api, endpoint)
        path = path.replace("{endpoint_id}", endpoint["endpoint_id"]).replace("{delivery_id}", delivery_id)
    if "{authorization_number}" in path:
        number = f"A{next(_numbers)}"
        body = {"authorization_number": number, "member_id": "M123", "procedures": ["P001"], "first_day": "2026-01-01"}
        assert (await api.post("/v1/authorizations", body | {"state": "approved"})).status_code == 201
        path = path.replace("{authorization_number}", number)
    if "{consent_id}" in path:
        year = 2030 + next(_numbers)
        period = {"first_day": f"{year}-01-01", "last_day": f"{year}-12-31"}
        body = {"purpose": "MODELTRAIN", "kind": "objected", **period}
        recorded = await api.post("/v1/members/M123/consents", body)
        path = path.replace("{member_id}", "M123").replace("{consent_id}", recorded.json()["consent_id"])
    if "{case_id}" in path:
        case = await opened(api)
        path = path.replace("{case_id}", case.case_id)
        if "{pack_id}" in path:
            body = {"organization": "Plan", "person": "A. Miller", "contact": "siu@insurer.example"}
            made = await api.post(f"/v1/cases/{case.case_id}/evidence", body)
            path = path.replace("{pack_id}", made.json()["pack_id"])
        if "{file_id}" in path:
            path = path.replace("{file_id}", (await added_file(api, case.case_id))["file_id"])
        if "{sample_id}" in path:
            path = path.replace("{sample_id}", await sample_for(api, case.case_id, path))
        if "{case_task_id}" in path:
            path = path.replace("{case_task_id}", await fresh_task(api, case.case_id))
    if "{lead_id}" in path:
        path = path.replace("{lead_id}", fresh_lead(api))
    if "{hold_id}" in path:
        body = {"member_id": "M123", "case_number": f"case {next(_numbers)}", "reason": "order", "contact": "legal"}
        path = path.replace("{hold_id}", (await api.post("/v1/legal-holds", body)).json()["hold_id"])
    if "{api_key_id}" in path:
        created = await api.post("/v1/keys", {"name": f"key {next(_numbers)}", "role": "investigator"})
        path = path.replace("{api_key_id}", created.json()["api_key_id"])
    if "{signing_key_id}" in path:
        added = await api.post("/v1/signing-keys", new_signing_key(api))
        path = path.replace("{signing_key_id}", added.json()["signing_key_id"])
    if "{report_id}" in path:
        report_id = f"rep_{next(_numbers)}"
        api.execute(
            "INSERT INTO reports (report_id, kind, report_key, title, first_day, last_day, made_at, pdf, csv) VALUES "
            f"('{report_id}', 'daily_decisions', '{report_id}', 'Day', '2026-03-02', '2026-03-02', now(), 'p', 'c')"
        )
        path = path.replace("{report_id}", report_id)
    if "{subscription_id}" in path:
        new = {"event": "model.promoted", "recipient": f"ann-{next(_numbers)}@insurer.example"}
        added = await api.post("/v1/notification-subscriptions", new)
        path = path.replace("{subscription_id}", added.json()["subscription_id"])
    if "{mail_id}" in path:
        path = path.replace("{mail_id}", failed_mail(api))
    if "{audit_id}" in path:
        await api.get("/v1/members/M123")
        path = path.replace("{audit_id}", str(api.rows("SELECT max(audit_id) FROM audit_log")[0][0]))
    if "{user_id}" in path:
        sent = {"login": f"number{next(_numbers)}@insurer.example", "display_name": "Number", "role": "operator"}
        path = path.replace("{user_id}", (await api.post("/v1/users", sent)).json()["user_id"])
    if "{task_id}" in path:
        accepted = await api.post("/v1/claims", MINIMAL, Prefer="respond-async")
        path = path.replace("{task_id}", accepted.json()["task_id"])
    return path


async def details(api: Api, delivery_id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await api.get(f"/v1/webhook-deliveries/{delivery_id}")).json()
    return found


async def endpoint_of(api: Api, endpoint: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await api.get(f"/v1/webhook-endpoints/{endpoint['endpoint_id']}")).json()
    return found
