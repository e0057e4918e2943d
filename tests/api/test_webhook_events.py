"""Each event of a claim is delivered to each endpoint that chose it, once, whenever its transaction commits."""

import asyncio
import io
import json
from datetime import UTC

import psycopg

from api import outbox
from api.outbox import TOPICS
from api.rescreening import Rescreening
from api.webhooks.events import FROM_TOPIC, OWN_TOPICS, WebhookEvent
from api.webhooks.schemas import EndpointIn
from core.format import json_instant
from tests.api.appeals import OVERTURNED, denied, filed
from tests.api.consents import RESEARCH, said, withdrawn
from tests.api.decisions import REOPEN, approved, decide, held, pend
from tests.api.makers import MINIMAL, Api, answering
from tests.api.rescreening import drain
from tests.api.test_policy_routes import DOCUMENT
from tests.api.test_rescoring import rescorer, without_scorer
from tests.api.test_serving_models import look_twice, watch_of
from tests.api.webhooks import EVERY_EVENT, deliver, fan_out, receiving, registered, stored_bodies, take_events


async def sent_since(api: Api) -> list[dict]:
    """The payloads of the deliveries that were added, which are then removed."""
    await take_events(api)
    found = [json.loads(body) for _, body in await stored_bodies(api)]
    api.execute("DELETE FROM webhook_deliveries")
    return found


def kinds(payloads: list[dict]) -> list[tuple[str, dict]]:
    return sorted(((one["type"], one["data"]) for one in payloads), key=lambda one: (one[0], json.dumps(one[1])))


async def test_events_say_what_happened_to_which_claim_and_nothing_else(api: Api):
    await registered(api, "https://127.0.0.1:9/hook")
    paid = (await approved(api))["claim_id"]
    (payload,) = await sent_since(api)
    received = api.rows("SELECT received_at FROM claims")[0][0]
    assert payload == {
        "type": "claim.decided",
        "timestamp": json_instant(received.astimezone(UTC)),
        "api_version": "2026-11-27",
        "data": {"claim_id": paid, "status": "approved"},
    }
    claim = await held(api, service_from="2025-01-01")
    assert kinds(await sent_since(api)) == [("claim.in_review", {"claim_id": claim, "status": "in_review"})]
    await decide(api, claim, pend())
    assert kinds(await sent_since(api)) == [("claim.pended", {"claim_id": claim, "status": "in_review"})]
    other = await denied(api, service_from="2025-03-01")
    assert kinds(await sent_since(api)) == [
        ("claim.decided", {"claim_id": other, "status": "denied"}),
        ("claim.in_review", {"claim_id": other, "status": "in_review"}),
    ]
    appeal = await filed(api, other)
    assert kinds(await sent_since(api)) == [
        ("claim.appealed", {"claim_id": other, "appeal_id": appeal, "appeal_status": "open"})
    ]
    assert (await api.post(f"/v1/appeals/{appeal}/decision", OVERTURNED, role="lead_investigator")).is_success
    assert kinds(await sent_since(api)) == [
        ("claim.appeal_decided", {"claim_id": other, "appeal_id": appeal, "appeal_status": "overturned"}),
        ("claim.decided", {"claim_id": other, "status": "approved"}),
    ]
    assert (await decide(api, other, REOPEN, role="lead_investigator")).is_success
    assert kinds(await sent_since(api)) == [("claim.in_review", {"claim_id": other, "status": "in_review"})]
    corrected = (await approved(api, replaces=paid))["claim_id"]
    assert kinds(await sent_since(api)) == [
        ("claim.decided", {"claim_id": corrected, "status": "approved"}),
        ("claim.voided", {"claim_id": paid, "status": "voided"}),
    ]


async def test_a_claim_that_a_late_score_sends_to_review_is_an_event(api: Api):
    await registered(api, "https://127.0.0.1:9/hook")
    (claim_id,) = await without_scorer(api, 50)
    assert kinds(await sent_since(api)) == [("claim.decided", {"claim_id": claim_id, "status": "approved"})]
    api.scorer.behaviour = answering(0.9)
    assert await rescorer(api).drain() == 1
    assert kinds(await sent_since(api)) == [("claim.in_review", {"claim_id": claim_id, "status": "in_review"})]


async def test_no_payload_has_personal_data_amounts_or_scores(api: Api):
    await registered(api, "https://127.0.0.1:9/hook")
    await held(api)
    await approved(api, service_from="2025-01-01")
    for payload in await sent_since(api):
        text = json.dumps(payload)
        for value in ("M123", "H456", "P001", "D001", "5000", "0.9", "Jane"):
            assert value not in text
        assert set(payload) == {"type", "timestamp", "api_version", "data"}
        assert set(payload["data"]) == {"claim_id", "status"}


async def test_an_endpoint_gets_the_events_that_it_chose_from_its_registration_on(api: Api):
    await approved(api)
    chosen = await registered(api, "https://127.0.0.1:9/decided", ["claim.decided"])
    await registered(api, "https://127.0.0.1:9/voided", ["claim.voided"])
    claim = (await approved(api, service_from="2025-01-01"))["claim_id"]
    await held(api, service_from="2025-03-01")
    await take_events(api)
    assert [(endpoint, json.loads(body)["data"]["claim_id"]) for endpoint, body in await stored_bodies(api)] == [
        (chosen["endpoint_id"], claim)
    ]


async def test_an_event_that_comes_again_is_delivered_once(api: Api, log_lines: io.StringIO):
    await registered(api, "https://127.0.0.1:9/hook")
    await approved(api)
    await take_events(api)
    api.execute(
        "INSERT INTO outbox (topic, entity_key, payload, created_at) "
        "SELECT topic, entity_key, payload, now() FROM outbox"
    )
    await take_events(api)
    api.execute("UPDATE webhook_position SET position = 0")
    await take_events(api)
    assert api.count("webhook_deliveries") == 1
    assert log_lines.getvalue().count("webhook deliveries added") == 1


async def test_an_event_that_commits_after_a_later_one_is_not_lost(api: Api):
    """Positions are assigned before commit; a rolled-back one never appears."""
    await registered(api, "https://127.0.0.1:9/hook")
    claims = [(await approved(api, service_from=f"2025-0{month}-01"))["claim_id"] for month in (1, 3, 5)]
    api.execute("DELETE FROM outbox")
    add = "INSERT INTO outbox (topic, entity_key, payload, created_at) VALUES ('claim.received', %s, '{}', now())"
    with psycopg.connect(api.url) as late, psycopg.connect(api.url) as undone:
        late.execute(add, [claims[0]])
        undone.execute(add, [claims[1]])
        with psycopg.connect(api.url) as early:
            early.execute(add, [claims[2]])
        assert await fan_out(api).step() == 1
        assert api.count("webhook_gaps") >= 2
        assert await fan_out(api).step() == 0  # both are open: neither gap is given up
        assert api.count("webhook_gaps") >= 2
        undone.rollback()
        late.commit()
    await take_events(api)
    while api.count("webhook_gaps"):  # until no transaction of any database on the server is as old
        assert await fan_out(api).step() == 0
    found = [json.loads(body)["data"]["claim_id"] for _, body in await stored_bodies(api)]
    assert sorted(found) == sorted([claims[0], claims[2]])


async def test_processes_take_each_event_once_together(api: Api):
    await registered(api, "https://127.0.0.1:9/hook")
    for month in range(1, 6):
        await approved(api, service_from=f"2025-{month:02}-01")

    async def take() -> int:
        taking, taken = fan_out(api), 0
        while not taken_all(api):
            taken += await taking.step()
        return taken

    events = api.count("outbox")
    assert sum(await asyncio.gather(take(), take(), take())) == events
    assert api.count("webhook_deliveries") == 5


def taken_all(api: Api) -> bool:
    return bool(api.rows("SELECT position >= (SELECT max(position) FROM outbox) FROM webhook_position")[0][0])


async def test_topics_that_nothing_else_consumes_are_done_once_they_are_taken(api: Api):
    claim = await denied(api)
    await filed(api, claim)
    await take_events(api)
    open_topics = {topic for (topic,) in api.rows("SELECT topic FROM outbox WHERE done_at IS NULL")}
    assert open_topics.isdisjoint(OWN_TOPICS)
    assert "claim.received" in open_topics  # of the features


async def test_changes_of_policy_edits_and_model_are_events(api: Api):
    await registered(api, "https://127.0.0.1:9/hook")
    drafted = await api.post("/v1/policies", {"document": DOCUMENT}, role="lead_investigator")
    version = drafted.json()["version"]
    reason = {"reason": "agreed", "force": True}
    assert (await api.post(f"/v1/policies/{version}/activate", reason)).status_code == 201
    assert (await api.post("/v1/policies:rollback", {"reason": "too many reviews"})).status_code == 201
    sent = await sent_since(api)
    assert kinds(sent) == [
        ("policy.activated", {"policy_version": 0, "kind": "rollback"}),
        ("policy.activated", {"policy_version": version, "kind": "activate"}),
    ]
    watch = watch_of(api)
    await look_twice(watch)
    api.scorer.model = "m-2"
    await look_twice(watch)
    assert kinds(await sent_since(api)) == [
        ("model.promoted", {"model_version": "m-1", "previous_model_version": None}),
        ("model.promoted", {"model_version": "m-2", "previous_model_version": "m-1"}),
    ]


async def test_a_consent_that_is_recorded_or_withdrawn_is_an_event_of_ids_and_a_purpose(api: Api):
    await registered(api, "https://127.0.0.1:9/hook")
    made = await said(api, RESEARCH)
    named = {"member_id": "M123", "consent_id": made["consent_id"], "purpose": "HRESCH"}
    assert kinds(await sent_since(api)) == [("consent.changed", named)]
    await withdrawn(api, made)
    assert kinds(await sent_since(api)) == [("consent.changed", named)]


async def test_an_event_of_members_is_chosen_only_by_who_may_read_consents(api: Api):
    scopes = ["webhooks:manage", "version:manage"]
    made = await api.post("/v1/keys", {"name": "hooks", "role": "admin", "scopes": scopes})
    assert made.status_code == 201, made.text
    headers = {"Authorization": f"Bearer {made.json()['secret']}"}
    sent = {"url": "https://127.0.0.1:9/hook", "events": ["consent.changed"]}
    refused = await api.client.post("/v1/webhook-endpoints", json=sent, headers=headers)
    assert (refused.status_code, "consents:read" in refused.text) == (403, True)
    sent["events"] = ["claim.decided"]
    endpoint = (await api.client.post("/v1/webhook-endpoints", json=sent, headers=headers)).json()["endpoint_id"]
    place = f"/v1/webhook-endpoints/{endpoint}"
    refused = await api.client.patch(place, json={"events": ["consent.changed"]}, headers=headers)
    assert refused.status_code == 403


def test_every_topic_leads_to_an_event_and_every_event_can_be_chosen():
    assert set(TOPICS) - set(FROM_TOPIC) == {
        outbox.HISTORY_LOADED,
        outbox.RESCORE,
        outbox.FLAGGED_AFTER_DECISION,  # tells what the model found
    }
    assert [one.value for one in WebhookEvent] == EVERY_EVENT
    schema = EndpointIn.model_json_schema()["properties"]["events"]
    assert schema["items"]["enum"] == EVERY_EVENT
    assert schema["maxItems"] == len(EVERY_EVENT)


async def test_a_submission_sends_the_statements_that_it_sent_without_webhooks(api: Api, sent_statements):
    await approved(api, service_from="2025-03-01")  # the key is looked up, and remembered
    sent_statements.clear()
    await approved(api)
    without = len(sent_statements)
    await registered(api, "https://127.0.0.1:9/hook")
    sent_statements.clear()
    await approved(api, service_from="2025-01-01")
    assert len(sent_statements) == without
    assert not any("webhook" in one for one in sent_statements)


async def test_a_claim_reaches_its_receiver(api: Api):
    async with receiving() as receiver:
        endpoint = await registered(api, receiver.url, ["claim.decided"])
        claim = (await api.submit(MINIMAL)).json()
        assert await deliver(api) == 1
        (got,) = receiver.received
        assert got.verified(endpoint["secret"])["data"] == {"claim_id": claim["claim_id"], "status": claim["status"]}


async def test_a_claim_that_is_screened_again_is_an_event_once(api: Api):
    await registered(api, "https://127.0.0.1:9/hook")
    paid = (await approved(api))["claim_id"]
    await sent_since(api)
    api.execute("UPDATE providers SET excluded_from = '2020-01-01' WHERE provider_id = 'H456'")
    await drain(Rescreening(api.database, api.dependencies.field_keys, days=365, time_zone=UTC))
    assert kinds(await sent_since(api)) == [("claim.rescreened", {"claim_id": paid})]
