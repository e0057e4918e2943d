"""Reasons of voided claims, texts of legal holds and bodies of webhooks are encrypted, and say what was said before."""

import json
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

from core import clock
from tests.api.makers import MINIMAL, Api
from tests.api.test_erasure import erase
from tests.api.test_identities import crypto
from tests.api.test_legal_holds import command, hold
from tests.api.test_sealed_columns import SENTINEL, in_clear
from tests.api.webhooks import deliver, receiving, registered, send_due, sender, stored_bodies, take_events

TEXTS = {"case_number": f"case {SENTINEL}", "reason": f"order {SENTINEL}", "contact": f"{SENTINEL}@insurer.example"}


async def voided(api: Api) -> str:
    claim_id = str((await api.submit()).json()["claim_id"])
    done = await api.post(f"/v1/claims/{claim_id}/void", {"reason": f"of {SENTINEL}"}, role="claims_system")
    assert done.status_code == 200, done.text
    return claim_id


async def exported_reason(api: Api, file: Path) -> Any:
    """The reason of the one claim in the export of its member."""
    words = ("export-member", "M123", "--to", str(file), "--reason", "request", "--by", "ann")
    done = await command(api, file.parent, *words)
    assert done.exit_code == 0, done.output
    with zipfile.ZipFile(file) as archive:
        (line,) = archive.read("claims.ndjson").splitlines()
    return json.loads(line)["void_reason"]


async def test_a_reason_of_a_voided_claim_has_the_key_of_its_member(api: Api, tmp_path: Path):
    await voided(api)
    assert not in_clear(api, "claims")
    assert await exported_reason(api, tmp_path / "m.zip") == f"of {SENTINEL}"
    assert (await erase(api, "M123", "--reason", "request 7")).exit_code == 0
    assert await exported_reason(api, tmp_path / "erased.zip") is None


async def test_a_claim_that_is_replaced_says_so_by_the_one_that_replaces_it(api: Api):
    first = (await api.submit()).json()["claim_id"]
    second = await api.submit(MINIMAL | {"replaces": first, "claim_amount": 90})
    assert second.status_code == 201, second.text
    assert api.rows("SELECT status, void_reason, void_reason_sealed FROM claims WHERE claim_id = %s", first) == [
        ("voided", None, None)
    ]


async def test_a_legal_hold_is_read_and_released_and_nothing_of_its_texts_is_in_clear(api: Api, tmp_path: Path):
    made = await hold(api, **TEXTS)
    refused = await command(api, tmp_path, "erase-member", "M123", "--reason", "request 7", "--by", "ann")
    assert TEXTS["contact"] in refused.output
    released = await api.post(f"/v1/legal-holds/{made['hold_id']}/release", {"reason": f"closed {SENTINEL}"})
    assert released.status_code == 200, released.text
    (listed,) = (await api.get("/v1/legal-holds")).json()["legal_holds"]
    assert {name: listed[name] for name in TEXTS} == TEXTS
    assert listed["release_reason"] == f"closed {SENTINEL}"
    assert [table for table in ("legal_holds", "audit_log") if in_clear(api, table)] == []


async def test_a_webhook_is_the_same_to_the_byte_at_each_attempt_and_nothing_of_it_is_in_clear(api: Api):
    async with receiving() as receiver:
        endpoint = await registered(api, receiver.url)
        claim_id = (await api.submit()).json()["claim_id"]
        receiver.status = 503
        await deliver(api)
        receiver.status = 200
        assert api.rows("SELECT body FROM webhook_deliveries") == [(None,)]
        assert claim_id.encode() not in b"".join(
            one for (one,) in api.rows("SELECT body_sealed FROM webhook_deliveries")
        )
        with clock.held(clock.now() + timedelta(minutes=1)):
            await send_due(sender(api))
        first, second = receiver.received
        assert (first.body, first.id) == (second.body, second.id)
        assert second.verified(endpoint["secret"])["data"]["claim_id"] == claim_id
        ((delivery_id,),) = api.rows("SELECT delivery_id FROM webhook_deliveries")
        shown = (await api.get(f"/v1/webhook-deliveries/{delivery_id}")).json()
        assert shown["payload"] == json.loads(first.body)


async def test_a_webhook_that_cannot_be_decrypted_fails_without_a_request(api: Api):
    async with receiving() as receiver:
        await registered(api, receiver.url)
        await api.submit()
        await take_events(api)
        api.execute(
            "UPDATE webhook_deliveries SET body_sealed = set_byte(body_sealed, 30, get_byte(body_sealed, 30) # 1)"
        )
        await send_due(sender(api))
        assert receiver.received == []
        assert api.rows("SELECT status, attempts, error FROM webhook_deliveries") == [("pending", 1, "body_unreadable")]


async def test_what_an_earlier_release_stored_in_clear_is_read_and_then_encrypted(api: Api, tmp_path: Path):
    await voided(api)
    await hold(api, member_id="M124")
    receivers = await registered(api, "https://127.0.0.1:9/hook")
    await api.submit(MINIMAL | {"claim_amount": 71})
    await take_events(api)
    bodies = await stored_bodies(api)
    api.execute(
        f"UPDATE claims SET void_reason_sealed = NULL, void_reason = 'of {SENTINEL}' WHERE voided_at IS NOT NULL"
    )
    api.execute(
        "UPDATE legal_holds SET " + ", ".join(f"{name}_sealed = NULL, {name} = '{TEXTS[name]}'" for name in TEXTS)
    )
    ids = api.rows("SELECT delivery_id FROM webhook_deliveries ORDER BY created_at, 1")
    for (_, body), (delivery_id,) in zip(bodies, ids, strict=True):
        in_row = "UPDATE webhook_deliveries SET body_sealed = NULL, body = %s WHERE delivery_id = %s RETURNING 1"
        api.rows(in_row, body, delivery_id)

    async def read() -> None:
        (listed,) = (await api.get("/v1/legal-holds")).json()["legal_holds"]
        assert {name: listed[name] for name in TEXTS} == TEXTS
        ((delivery_id,),) = api.rows("SELECT delivery_id FROM webhook_deliveries LIMIT 1")
        shown = (await api.get(f"/v1/webhook-deliveries/{delivery_id}")).json()
        assert shown["payload"] in [json.loads(body) for _, body in bodies]

    await read()
    done = await crypto(api, "encrypt", "--json")
    assert (done.exit_code, json.loads(done.stdout)["left"]) == (0, 0), done.output
    assert [table for table in ("claims", "legal_holds") if in_clear(api, table)] == []
    assert await stored_bodies(api) == bodies
    assert {endpoint for endpoint, _ in bodies} == {receivers["endpoint_id"]}
    await read()
