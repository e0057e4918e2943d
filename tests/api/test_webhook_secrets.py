"""Webhooks are signed with each valid secret that can be decrypted, and are not sent where there is none."""

import io
from datetime import UTC, datetime, timedelta

from standardwebhooks import Webhook

from api.webhooks.delivery import FAILING_FOR
from core import clock
from tests.api.makers import Api
from tests.api.webhooks import deliver, details, endpoint_of, receiving, registered, tried

NOW = datetime(2026, 3, 2, 10, 15, tzinfo=UTC)


async def test_a_secret_that_cannot_be_decrypted_leaves_signing_to_the_others(api: Api):
    async with receiving() as receiver:
        endpoint = await registered(api, receiver.url)
        path = f"/v1/webhook-endpoints/{endpoint['endpoint_id']}"
        rotated = (await api.post(f"{path}/rotate-secret", {})).json()
        api.execute("UPDATE webhook_secrets SET ciphertext = 'of a lost key' WHERE expires_at IS NOT NULL")
        delivery_id = await tried(api, endpoint)
        await deliver(api)
        (got,) = receiver.received
        assert got.verified(rotated["secret"])
        assert len(got.headers["webhook-signature"].split(" ")) == 1
        assert (await details(api, delivery_id))["status"] == "delivered"


async def test_an_attempt_that_cannot_be_signed_fails_without_a_request(api: Api, log_lines: io.StringIO):
    async with receiving() as receiver, receiving() as other:
        with clock.held(NOW):
            endpoint = await registered(api, receiver.url)
            delivery_id = await tried(api, endpoint)
            api.execute("UPDATE webhook_secrets SET ciphertext = 'of a lost key'")
            sent = await tried(api, await registered(api, other.url))
            assert await deliver(api) == 2
            shown = await details(api, delivery_id)
            assert (shown["status"], shown["attempts"], shown["error"]) == ("pending", 1, "secret_unreadable")
            assert shown["due_at"] is not None
            assert (await details(api, sent))["status"] == "delivered"
        assert "webhook secret unreadable" in log_lines.getvalue()
        with clock.held(NOW + FAILING_FOR):
            await deliver(api)
        assert (await endpoint_of(api, endpoint))["disabled_reason"] == "failing"
        assert receiver.received == []


async def test_a_rotated_secret_signs_beside_the_new_one_until_it_expires(api: Api):
    async with receiving() as receiver:
        endpoint = await registered(api, receiver.url)
        path = f"/v1/webhook-endpoints/{endpoint['endpoint_id']}"
        rotated = (await api.post(f"{path}/rotate-secret", {})).json()
        assert rotated["secret"] != endpoint["secret"]
        await tried(api, endpoint)
        await deliver(api)
        for secret in (endpoint["secret"], rotated["secret"]):
            assert Webhook(secret).verify(receiver.received[0].body, receiver.received[0].headers)
        with clock.held(clock.now() + timedelta(hours=24)):
            await tried(api, endpoint)
            await deliver(api)
        signatures = receiver.received[1].headers["webhook-signature"].split(" ")
        assert len(signatures) == 1
        assert receiver.received[1].verified(rotated["secret"])
        assert len(receiver.received[0].headers["webhook-signature"].split(" ")) == 2
        at_once = (await api.post(f"{path}/rotate-secret", {"overlap_hours": 0})).json()
        await tried(api, endpoint)
        await deliver(api)
        assert len(receiver.received[2].headers["webhook-signature"].split(" ")) == 1
        assert receiver.received[2].verified(at_once["secret"])
        assert len(at_once["secrets"]) == 1
