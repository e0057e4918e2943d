"""No claim is approved by a state that was replaced before the claim was committed."""

import asyncio
import json
from datetime import date
from typing import Any

import psycopg
import pytest

from api.policies import activate, create_draft
from tests.api.makers import MINIMAL, Api, Exchange, scores, until_taken
from tests.claims.policies import make_document

DAY = "2026-03-02"
ENDED = {"last_day": "2026-03-01", "reason": "suspended"}


class PausedScorer:
    """A scorer that answers on request: claims have read member and provider, and are not decided."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.go = asyncio.Event()

    async def __call__(self, exchange: Exchange) -> None:
        self.asked.set()
        await self.go.wait()
        await scores(exchange)


async def put(api: Api, url: str, **changes: Any) -> None:
    """Change fields of a provider, which is no end of it."""
    read = await api.get(url)
    body = {name: value for name, value in read.json().items() if name not in ("provider_id", "earlier_periods")}
    headers = {"Content-Type": "application/json", **api.as_("admin"), "If-Match": read.headers["etag"]}
    content = json.dumps(body | changes).encode()
    assert (await api.client.put(url, content=content, headers=headers)).status_code == 200


async def suspend(api: Api, url: str) -> None:
    await put(api, url, excluded_from=DAY)


async def end(api: Api, url: str) -> None:
    assert (await api.post(f"{url}/end", ENDED)).status_code == 200


@pytest.mark.parametrize(
    ("change", "url", "code"),
    [
        (end, "/v1/members/M123", "cover_ended"),
        (end, "/v1/providers/H456", "provider_inactive"),
        (suspend, "/v1/providers/H456", "provider_excluded"),
    ],
)
async def test_a_claim_that_is_being_scored_is_decided_by_the_change(api: Api, change: Any, url: str, code: str):
    paused = PausedScorer()
    api.scorer.behaviour = paused
    claim = asyncio.create_task(api.submit(MINIMAL | {"service_from": DAY}))
    await paused.asked.wait()
    await change(api, url)
    paused.go.set()
    answer = (await claim).json()
    assert answer["status"] == "rejected", answer
    assert answer["notice"]["contract_findings"] == [code]


async def submitted_during(api: Api, **changes: Any) -> dict[str, Any]:
    """The claim that is scored while its provider is changed."""
    paused = PausedScorer()
    api.scorer.behaviour = paused
    claim = asyncio.create_task(api.submit(MINIMAL | {"service_from": DAY, "claim_amount": 600}))
    await paused.asked.wait()
    await put(api, "/v1/providers/H456", **changes)
    paused.go.set()
    body: dict[str, Any] = (await claim).json()
    return body


async def test_a_rule_reads_the_provider_as_it_is_after_the_change(api: Api):
    rule = {
        "name": "equipment",
        "when": {"field": "specialty", "operator": "eq", "value": "dme"},
        "then": {"review": True},
        "reason": "Suppliers of equipment are reviewed.",
    }
    draft = await create_draft(api.database, api.dependencies.field_keys, make_document(rule), author="ann")
    today = date(2026, 11, 27)
    await activate(
        api.database, api.dependencies.field_keys, draft.version, approver="bob", reason="test", today=today, force=True
    )
    answer = await submitted_during(api, specialty="dme")
    assert (answer["status"], answer["reasons"][0]["code"]) == ("in_review", "policy_review")
    (trace,) = api.rows("SELECT policy_trace FROM assessments")[0]
    assert trace == [{"rule": "equipment", "observed": {"specialty": "dme"}}]
    assert api.rows("SELECT specialty FROM claim_facts") == [("dme",)]


async def test_prices_are_those_of_the_region_after_the_change(api: Api):
    api.execute(
        """
        INSERT INTO reference_statistics
        SELECT 'P001', 'region', region, true, 40, price, 0.3, 3, '2026-03-01'
        FROM (VALUES ('Coast', 60000), ('Hills', 10000)) AS prices(region, price)
        """
    )
    answer = await submitted_during(api, region="Hills")
    assert "price_implausible" in [reason["code"] for reason in answer["reasons"]], answer
    assert api.rows("SELECT region FROM claim_facts") == [("Hills",)]


async def until_waiting(api: Api, task: asyncio.Task[Any]) -> None:
    """Until a transaction waits for a lock of another one; `task` must not be done before."""
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    while await asyncio.to_thread(api.rows, waiting) != [(1,)]:
        assert not task.done()


@pytest.mark.parametrize(
    ("url", "statement"),
    [
        ("/v1/members/M123", "SELECT pg_advisory_xact_lock(hashtextextended('M123', 0))"),
        ("/v1/providers/H456", "SELECT pg_advisory_xact_lock_shared(hashtextextended('H456', 2))"),
    ],
)
async def test_a_change_waits_for_the_claims_that_are_being_decided(api: Api, url: str, statement: str):
    with psycopg.connect(api.url) as deciding:
        deciding.execute(statement)
        change = asyncio.create_task(end(api, url))
        await until_waiting(api, change)
        deciding.commit()
    await change
    assert (await api.get(url)).json()["last_day"] == ENDED["last_day"]


async def test_a_claim_waits_for_the_change_of_its_provider_and_follows_it(api: Api):
    with psycopg.connect(api.url) as changing:
        changing.execute("SELECT pg_advisory_xact_lock(hashtextextended('H456', 2))")
        changing.execute("UPDATE providers SET excluded_from = '2020-01-01' WHERE provider_id = 'H456'")
        claim = asyncio.create_task(api.submit(MINIMAL | {"service_from": DAY}))
        await until_waiting(api, claim)
        changing.commit()
    assert (await claim).json()["notice"]["contract_findings"] == ["provider_excluded"]


async def test_claims_of_one_provider_do_not_wait_for_each_other(api: Api):
    with psycopg.connect(api.url) as deciding:
        deciding.execute("SELECT pg_advisory_xact_lock_shared(hashtextextended('H456', 2))")
        assert (await api.submit(MINIMAL | {"service_from": DAY})).status_code == 201


async def test_nothing_is_approved_after_a_suspension_is_committed(api: Api):
    """Many claims at once, and a suspension among them: what is approved was committed before it."""
    members = [f"N{number}" for number in range(10)]
    for member_id in members:
        await api.post("/v1/members", {"member_id": member_id, "plan_id": "PL2"})
    api.execute(
        """
        CREATE TABLE order_of_commits (claim_id text, at xid8 DEFAULT pg_current_xact_id(), suspended boolean);
        CREATE FUNCTION note_claim() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            INSERT INTO order_of_commits (claim_id, suspended)
            SELECT NEW.claim_id, excluded_from IS NOT NULL FROM providers WHERE provider_id = NEW.provider_id;
            RETURN NULL;
        END $$;
        CREATE TRIGGER note_claim AFTER INSERT ON claims FOR EACH ROW EXECUTE FUNCTION note_claim();
        """
    )
    suspended = asyncio.Event()

    async def submit(member_id: str) -> tuple[bool, str]:
        after = suspended.is_set()
        claim = MINIMAL | {"member_id": member_id, "service_from": DAY, "claim_amount": 100}
        return after, (await until_taken(lambda: api.submit(claim))).json()["status"]

    async def suspend_then_say() -> None:
        await suspend(api, "/v1/providers/H456")
        suspended.set()

    first = [asyncio.create_task(submit(one)) for one in members[:4]]
    change = asyncio.create_task(suspend_then_say())
    while not change.done():
        await asyncio.gather(*(submit(one) for one in members[4:6]))
    replies = await asyncio.gather(*first, *(submit(one) for one in members[6:]))
    assert {status for after, status in replies if after} == {"rejected"}
    rows = api.rows("SELECT c.status FROM claims AS c JOIN order_of_commits USING (claim_id) WHERE suspended")
    assert rows
    assert {status for (status,) in rows} == {"rejected"}
