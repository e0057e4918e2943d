"""Deliveries reach their receiver signed, are retried over a day, and stop where they are refused."""

import asyncio
import io
import os
import signal
import sys
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook

from api import metrics
from api.webhooks.delivery import FAILING_FOR, IN_FLIGHT, RETRY_AFTER
from api.webhooks.queue import LEASE, PER_ENDPOINT
from core import clock
from tests.api.makers import ENCRYPTION_KEY, Api
from tests.api.webhooks import (
    deliver,
    details,
    endpoint_of,
    receiving,
    registered,
    send_due,
    sender,
    tried,
)

NOW = datetime(2026, 3, 2, 10, 15, tzinfo=UTC)


async def test_the_reference_library_verifies_what_is_sent(api: Api):
    async with receiving() as receiver:
        endpoint = await registered(api, receiver.url)
        delivery_id = await tried(api, endpoint, "claim.decided")
        assert await deliver(api) == 1
        (got,) = receiver.received
        payload = Webhook(endpoint["secret"]).verify(got.body, got.headers)
        assert payload == {
            "type": "claim.decided",
            "timestamp": payload["timestamp"],
            "api_version": "2026-11-27",
            "test": True,
            "data": {"claim_id": "clm_00000000000000000000000000"},
        }
        assert (got.path, got.headers["host"]) == ("/hook", f"127.0.0.1:{receiver.port}")
        assert (got.headers["content-type"], got.headers["user-agent"].split("/")[0]) == ("application/json", "ginja")
        shown = await details(api, delivery_id)
        assert (shown["status"], shown["attempts"], shown["event_id"]) == ("delivered", 1, got.id)
        assert [(one["number"], one["response_status"], one["error"]) for one in shown["attempt_log"]] == [
            (1, 200, None)
        ]
        assert await deliver(api) == 0


def test_the_pauses_are_those_of_the_specification_over_more_than_a_day():
    assert sum(RETRY_AFTER[:-1], timedelta()) < timedelta(days=1) < sum(RETRY_AFTER, timedelta())


async def test_a_failed_delivery_is_tried_until_the_schedule_ends_and_can_be_replayed(api: Api):
    async with receiving() as receiver:
        receiver.status = 500
        at = NOW
        with clock.held(at):
            endpoint = await registered(api, receiver.url)
            delivery_id = await tried(api, endpoint)
        for number in range(1, len(RETRY_AFTER) + 2):
            with clock.held(at):
                assert await deliver(api) == 1
                assert await deliver(api) == 0  # not due yet
                shown = await details(api, delivery_id)
                assert (shown["attempts"], shown["response_status"], shown["error"]) == (number, 500, "status")
                at = datetime.fromisoformat(shown["due_at"]) if shown["due_at"] else at
        assert (shown["status"], shown["due_at"]) == ("failed", None)
        assert len({one.id for one in receiver.received}) == 1
        assert len({one.headers["webhook-timestamp"] for one in receiver.received}) == len(RETRY_AFTER) + 1
        receiver.status = 204
        with clock.held(at):
            path = f"/v1/webhook-endpoints/{endpoint['endpoint_id']}/replay"
            assert (await api.post(path, {"delivery_id": delivery_id})).json() == {"replayed": 1, "more": False}
            assert await deliver(api) == 1
        assert (await details(api, delivery_id))["status"] == "delivered"
        assert receiver.received[-1].id == receiver.received[0].id


async def test_an_accepted_delivery_ends_the_time_of_failure(api: Api):
    async with receiving() as receiver:
        with clock.held(NOW):
            endpoint = await registered(api, receiver.url)
            receiver.status = 503
            await tried(api, endpoint)
            await deliver(api)
            assert (await endpoint_of(api, endpoint))["failing_since"] is not None
        receiver.status = 200
        with clock.held(NOW + timedelta(minutes=1)):
            await deliver(api)
        assert (await endpoint_of(api, endpoint))["failing_since"] is None


async def test_a_receiver_says_when_it_can_be_asked_again(api: Api):
    async with receiving() as receiver:
        receiver.status, receiver.headers = 429, "Retry-After: 3600\r\n"
        with clock.held(NOW):
            endpoint = await registered(api, receiver.url)
            delivery_id = await tried(api, endpoint)
            await deliver(api)
        assert (await details(api, delivery_id))["due_at"] == "2026-03-02T11:15:00.000000Z"


async def test_an_endpoint_that_is_gone_is_disabled_at_once_with_an_audit_row_and_a_notice(
    api: Api, log_lines: io.StringIO
):
    async with receiving() as receiver:
        receiver.status = 410
        endpoint = await registered(api, receiver.url)
        first, second = await tried(api, endpoint), await tried(api, endpoint)
        api.execute(f"UPDATE webhook_deliveries SET due_at = due_at + interval '1 day' WHERE delivery_id = '{second}'")
        await deliver(api)
        shown = await endpoint_of(api, endpoint)
        assert (shown["status"], shown["disabled_reason"]) == ("disabled", "gone")
        assert [(await details(api, one))["error"] for one in (first, second)] == ["status", "endpoint_disabled"]
        assert [(await details(api, one))["status"] for one in (first, second)] == ["failed", "failed"]
        ((name, claim_id, found),) = api.rows(
            "SELECT name, claim_id, details FROM audit_log WHERE act = 'webhook_endpoint.disable'"
        )
        assert (name, claim_id, found["reason"]) == ("worker", None, "gone")
        assert "webhook endpoint disabled" in log_lines.getvalue()
        with clock.held(clock.now() + timedelta(days=2)):
            assert await deliver(api) == 0
        refused = await api.post(f"/v1/webhook-endpoints/{endpoint['endpoint_id']}/test", {})
        assert refused.status_code == 409


@pytest.mark.parametrize(
    ("failing_for", "status"), [(FAILING_FOR - timedelta(seconds=1), "active"), (FAILING_FOR, "disabled")]
)
async def test_an_endpoint_is_disabled_after_five_days_of_nothing_but_failure(api: Api, failing_for, status):
    async with receiving() as receiver:
        receiver.status = 500
        with clock.held(NOW):
            endpoint = await registered(api, receiver.url)
            await tried(api, endpoint)
            await deliver(api)
        api.execute("UPDATE webhook_deliveries SET status = 'failed', due_at = NULL")
        with clock.held(NOW + failing_for):
            await tried(api, endpoint)
            await deliver(api)
        shown = await endpoint_of(api, endpoint)
        assert shown["status"] == status
        assert shown["disabled_reason"] == ("failing" if status == "disabled" else None)
        assert shown["failing_since"] == "2026-03-02T10:15:00.000000Z"


async def test_an_enabled_endpoint_gets_what_failed_meanwhile(api: Api):
    async with receiving() as receiver:
        receiver.status = 410
        endpoint = await registered(api, receiver.url)
        await tried(api, endpoint)
        await deliver(api)
        await api.submit()
        await deliver(api)
        assert [one.path for one in receiver.received] == ["/hook"]  # the claim was not sent
        receiver.status = 200
        path = f"/v1/webhook-endpoints/{endpoint['endpoint_id']}"
        enabled = await api.client.patch(path, json={"status": "active"}, headers=api.as_("admin"))
        assert (enabled.json()["status"], enabled.json()["failing_since"]) == ("active", None)
        replayed = await api.post(f"{path}/replay", {"failed_since": endpoint["created_at"]})
        assert replayed.json() == {"replayed": 2, "more": False}
        assert await deliver(api) == 2
        assert sorted(one.verified(endpoint["secret"])["type"] for one in receiver.received[1:]) == [
            "claim.decided",
            "endpoint.test",
        ]


async def test_a_redirect_is_a_failure_and_is_not_followed(api: Api):
    async with receiving() as receiver, receiving() as other:
        receiver.status, receiver.headers = 307, f"Location: {other.url}\r\n"
        delivery_id = await tried(api, await registered(api, receiver.url))
        await deliver(api)
        shown = await details(api, delivery_id)
        assert (shown["status"], shown["response_status"], shown["error"]) == ("pending", 307, "redirected")
        assert (len(receiver.received), len(other.received)) == (1, 0)


async def test_a_receiver_that_answers_too_late_is_left_at_the_deadline(api: Api):
    async with receiving() as receiver:

        async def never(writer: asyncio.StreamWriter) -> None:
            await writer.wait_closed()

        receiver.behaviour = never
        delivery_id = await tried(api, await registered(api, receiver.url))
        await deliver(api, deadline_s=0.2)
        shown = await details(api, delivery_id)
        assert (shown["status"], shown["response_status"], shown["error"]) == ("pending", None, "timed_out")


async def test_a_response_without_end_is_not_read(api: Api):
    async with receiving() as receiver:

        async def talks_for_ever(writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while True:
                writer.write(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
                await writer.drain()

        receiver.behaviour = talks_for_ever
        delivery_id = await tried(api, await registered(api, receiver.url))
        await deliver(api)
        assert (await details(api, delivery_id))["status"] == "delivered"


@pytest.mark.parametrize(
    ("answer", "error"),
    [(b"", "not_http"), (b"hello\r\n\r\n", "not_http"), (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 300_000, "not_http")],
)
async def test_an_answer_that_is_not_http_is_a_failure(api: Api, answer, error):
    async with receiving() as receiver:

        async def says(writer: asyncio.StreamWriter) -> None:
            writer.write(answer)
            await writer.drain()

        receiver.behaviour = says
        delivery_id = await tried(api, await registered(api, receiver.url))
        await deliver(api)
        assert (await details(api, delivery_id))["error"] in (error, "connection_lost")


async def test_a_receiver_that_is_down_is_tried_again(api: Api):
    async with receiving() as receiver:
        endpoint = await registered(api, receiver.url)
    delivery_id = await tried(api, endpoint)
    await deliver(api)
    shown = await details(api, delivery_id)
    assert (shown["status"], shown["error"], shown["attempts"]) == ("pending", "connect_failed", 1)


_WORKER = """
import asyncio, sys
from api.database import Database
from api.field_keys import FieldKeys, StoredSecrets
from api.webhooks import AddressGuard, WebhookClient, WebhookDelivery
from core.settings import settings

async def main():
    now = settings()
    database = Database(sys.argv[1])
    secrets = StoredSecrets(now, FieldKeys(now, sys.argv[1]))
    delivery = WebhookDelivery(database, WebhookClient(AddressGuard(now.webhook_networks)), secrets)
    await delivery.step()
    await delivery.idle()

asyncio.run(main())
"""


async def test_a_worker_killed_between_sending_and_recording_sends_again_under_the_same_id(api: Api):
    async with receiving() as receiver:
        endpoint = await registered(api, receiver.url)
        delivery_id = await tried(api, endpoint)
        environment = os.environ | {
            "GINJA_ENCRYPTION_KEYS": ENCRYPTION_KEY,
            "GINJA_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
        }
        worker = await asyncio.create_subprocess_exec(sys.executable, "-c", _WORKER, api.url, env=environment)

        async def kills(_writer: asyncio.StreamWriter) -> None:
            worker.send_signal(signal.SIGKILL)

        receiver.behaviour = kills
        assert await worker.wait() == -signal.SIGKILL
        assert len(receiver.received) == 1
        assert (await details(api, delivery_id))["attempts"] == 0
        receiver.behaviour = None
        assert await deliver(api) == 0  # it is leased
        with clock.held(clock.now() + LEASE):
            assert await deliver(api) == 1
        shown = await details(api, delivery_id)
        assert (shown["status"], shown["attempts"]) == ("delivered", 1)
        assert receiver.received[0].id == receiver.received[1].id
        assert receiver.received[0].body == receiver.received[1].body


async def test_workers_send_a_delivery_once_while_its_lease_lasts(api: Api):
    async with receiving() as receiver:
        endpoint = await registered(api, receiver.url)
        sent = {await tried(api, endpoint) for _ in range(12)}
        began = await asyncio.gather(*(send_due(sender(api)) for _ in range(3)))
        assert sum(began) == len(receiver.received) == len(sent)
        assert api.rows("SELECT count(*) FROM webhook_attempts") == [(12,)]


async def test_a_worker_whose_lease_is_over_does_not_undo_what_another_recorded(api: Api):
    async with receiving() as receiver:
        endpoint = await registered(api, receiver.url)
        delivery_id = await tried(api, endpoint)
        slow, quick = sender(api), sender(api)
        arrived, answered = asyncio.Event(), asyncio.Event()

        async def waits_then_fails(writer: asyncio.StreamWriter) -> None:
            receiver.behaviour = None
            arrived.set()
            await answered.wait()
            writer.write(b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()

        receiver.behaviour = waits_then_fails
        assert await slow.step() == 1
        await arrived.wait()
        with clock.held(clock.now() + LEASE):
            assert await send_due(quick) == 1
        answered.set()
        await slow.idle()
        shown = await details(api, delivery_id)
        assert (shown["status"], shown["attempts"]) == ("delivered", 2)
        assert sorted(one["response_status"] for one in shown["attempt_log"]) == [200, 500]


async def test_a_slow_endpoint_does_not_hold_up_another(api: Api):
    async with receiving() as slow, receiving() as quick:
        gate = asyncio.Event()

        async def waits(_writer: asyncio.StreamWriter) -> None:
            await gate.wait()

        slow.behaviour = waits
        held_up, other = await registered(api, slow.url), await registered(api, quick.url)
        for _ in range(20):
            await tried(api, held_up)
        await tried(api, other)
        sending = sender(api)
        while not quick.received:
            await sending.step()
        assert await sending.begin() == 0  # the slow endpoint has its share in flight
        gate.set()
        await sending.idle()
        assert len(slow.received) == PER_ENDPOINT


@pytest.mark.parametrize(("hanging", "each"), [(IN_FLIGHT // PER_ENDPOINT, PER_ENDPOINT + 1), (IN_FLIGHT, 2)])
async def test_endpoints_that_hang_leave_the_next_free_place_to_another(api: Api, hanging: int, each: int):
    async with receiving() as hangs, receiving() as quick:
        full, answers = asyncio.Event(), asyncio.Semaphore(0)

        async def waits_then_fails(writer: asyncio.StreamWriter) -> None:
            if len(hangs.received) == IN_FLIGHT:
                full.set()
            await answers.acquire()
            writer.write(b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()

        hangs.behaviour = waits_then_fails
        for number in range(hanging):
            endpoint = await registered(api, f"{hangs.url}/{number}")
            for _ in range(each):
                await tried(api, endpoint)
        sending = sender(api, deadline_s=60)
        assert await sending.begin() == IN_FLIGHT
        await full.wait()
        other = await tried(api, await registered(api, quick.url))  # due after all that wait
        answers.release()
        while len(hangs.received) + len(quick.received) == IN_FLIGHT:
            await sending.step()
        for _ in range(hanging * each):
            answers.release()
        await sending.idle()
        assert (await details(api, other))["status"] == "delivered"
        assert len(hangs.received) == IN_FLIGHT  # the one free place was not theirs


async def test_the_metrics_say_what_came_of_deliveries_and_how_late_they_are(api: Api):
    def count(outcome: str) -> float:
        return metrics.WEBHOOK_DELIVERIES.labels(outcome)._value.get()

    async with receiving() as receiver:
        endpoint = await registered(api, receiver.url)
        at = clock.now()
        with clock.held(at):
            await tried(api, endpoint)
        sending = sender(api)
        with clock.held(at + timedelta(minutes=10)):
            await sending.measure()
        assert metrics.WEBHOOK_OLDEST_DUE._value.get() == 600
        assert metrics.WEBHOOK_PENDING._value.get() == 1
        before = count("delivered"), count("retried")
        receiver.status = 500
        await send_due(sending)
        receiver.status = 200
        with clock.held(at + timedelta(minutes=10)):
            await send_due(sending)
            await sending.measure()
        assert (count("delivered"), count("retried")) == (before[0] + 1, before[1] + 1)
        assert metrics.WEBHOOK_OLDEST_DUE._value.get() == metrics.WEBHOOK_PENDING._value.get() == 0
        assert metrics.WEBHOOK_ENDPOINTS.labels("active")._value.get() == 1
