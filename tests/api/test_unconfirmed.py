"""Responses when the connection to the database is lost, and how the same request is answered again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest

from api.database import Pipelined
from api.unconfirmed import WINDOW, UnconfirmedChange
from core import clock
from core.postgres import as_api_role
from tests.api.appeals import appeal, denied
from tests.api.makers import MINIMAL, Api, answering, running_api
from tests.api.severed import Severing, severing

LOCK, COMMIT = b"pg_advisory_xact_lock", b"COMMIT"
NONCE = 1
"""Commits of a signed request before that of its act: its nonce is stored."""
SEALING = 2
"""Commits of a request whose text or payload is encrypted before that of its act: a data key is sought, and created."""


@dataclass
class Severed:
    """The API, and the proxy between it and the database."""

    api: Api
    proxy: Severing

    async def lose_answer(self, at: bytes, *, before: int = 0) -> None:
        await self.api.database.engine.dispose()  # the text of a statement is sent once per connection
        self.proxy.lose_answer(at, before=before)


@pytest.fixture
async def severed(seeded_url: str) -> AsyncIterator[Severed]:
    """What a test looks at itself, and its signing keys, do not go through the proxy, which runs in the same loop."""
    async with severing(seeded_url) as proxy, running_api(seeded_url, requests=as_api_role(proxy.url)) as api:
        yield Severed(api, proxy)


def problem(response) -> tuple[int, str]:
    assert response.headers["retry-after"]
    return response.status_code, response.json()["type"].removeprefix("/docs/problems#")


async def test_a_connection_lost_before_commit_stored_nothing_and_says_so(severed: Severed):
    severed.proxy.lose_statement(LOCK)
    assert problem(await severed.api.submit()) == (503, "unavailable")
    assert severed.api.count("claims") == 0
    again = await severed.api.submit()
    assert (again.status_code, "idempotency-replayed" in again.headers) == (201, False)


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "k1"}])
async def test_after_a_lost_answer_to_commit_the_outcome_is_unknown_and_a_resend_gets_the_first_reply(
    severed: Severed, headers
):
    severed.proxy.lose_answer(COMMIT)
    first = await severed.api.submit(**headers)
    assert problem(first) == (503, "outcome-unknown")
    claim_id = first.json()["claim_id"]
    assert claim_id in first.json()["detail"]
    assert (await severed.api.get(f"/v1/claims/{claim_id}")).status_code == 200
    for _ in range(2):
        again = await severed.api.submit(**headers)
        assert (again.status_code, again.json()["claim_id"]) == (201, claim_id)
        assert again.json()["status"] == "approved"
        assert again.headers["idempotency-replayed"] == "true"
    assert severed.api.count("claims") == 1


async def test_a_change_that_is_resolved_while_its_request_comes_again_is_answered_as_the_first(
    severed: Severed, monkeypatch
):
    """The resend has looked for stored replies when the reply to the first request is stored."""
    database, unconfirmed = severed.api.dependencies.database, severed.api.dependencies.unconfirmed
    looked, looking, attempt = asyncio.Event(), database.looking, unconfirmed._try

    async def after_the_look(change: UnconfirmedChange) -> None:
        await looked.wait()
        await attempt(change)

    @asynccontextmanager
    async def resolved_after_the_look() -> AsyncIterator[Pipelined]:
        async with looking() as connection:
            yield connection
        looked.set()
        await unconfirmed.settled()

    monkeypatch.setattr(unconfirmed, "_try", after_the_look)
    await severed.lose_answer(COMMIT)
    first = await severed.api.submit()
    assert problem(first) == (503, "outcome-unknown")
    monkeypatch.setattr(database, "looking", resolved_after_the_look)
    again = await severed.api.submit()
    assert (again.status_code, again.json()["claim_id"]) == (201, first.json()["claim_id"])
    assert severed.api.count("claims") == 1
    looked.set()
    await unconfirmed.settled()


async def test_a_commit_that_never_arrived_is_unknown_too_and_a_resend_decides_the_claim(severed: Severed):
    severed.proxy.lose_statement(COMMIT)
    first = await severed.api.submit()
    assert problem(first) == (503, "outcome-unknown")
    assert severed.api.count("claims") == 0
    again = await severed.api.submit()
    assert (again.status_code, again.json()["status"]) == (201, "approved")
    assert again.json()["claim_id"] != first.json()["claim_id"]
    assert "idempotency-replayed" not in again.headers


async def test_another_process_answers_a_resend_as_the_first(severed: Severed, seeded_url: str):
    severed.proxy.lose_answer(COMMIT)
    first = await severed.api.submit()
    await severed.api.dependencies.unconfirmed.settled()
    async with running_api(seeded_url) as other:
        other.keys = severed.api.keys
        again = await other.submit()
        assert again.json()["claim_id"] == first.json()["claim_id"]
        stranger = await other.submit(role="claims_system")
        assert stranger.json()["claim_id"] != first.json()["claim_id"]


async def test_another_claim_and_an_equal_one_after_the_window_are_new(severed: Severed):
    severed.proxy.lose_answer(COMMIT)
    await severed.api.submit()
    other = await severed.api.submit(MINIMAL | {"claim_amount": 5001, "service_from": "2026-02-02"})
    assert "idempotency-replayed" not in other.headers
    with clock.held(clock.now() + WINDOW + timedelta(seconds=1)):
        late = await severed.api.submit()
    assert "idempotency-replayed" not in late.headers
    assert [code["code"] for code in late.json()["reasons"]][:1] == ["duplicate"]


async def test_a_void_is_answered_as_the_first(severed: Severed):
    claim_id = (await severed.api.submit()).json()["claim_id"]
    await severed.lose_answer(COMMIT, before=SEALING + 1)  # the key of the member is stored, too
    path, body = f"/v1/claims/{claim_id}/void", {"reason": "billed in error"}
    first = await severed.api.post(path, body)
    assert problem(first) == (503, "outcome-unknown")
    again = await severed.api.post(path, body)
    assert (again.status_code, again.json()["status"]) == (200, "voided")
    assert again.headers["idempotency-replayed"] == "true"
    assert (await severed.api.post(path, {"reason": "another"})).status_code == 409


async def test_an_appeal_of_a_provider_is_answered_as_the_first(severed: Severed):
    """Whether it is stored is seen in the audit log, which a provider does not see."""
    claim_id = await denied(severed.api)
    await severed.lose_answer(COMMIT, before=SEALING)
    assert problem(await appeal(severed.api, claim_id)) == (503, "outcome-unknown")
    again = await appeal(severed.api, claim_id)
    assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
    assert severed.api.count("appeals") == 1


async def test_a_decision_is_answered_as_the_first(severed: Severed):
    severed.api.scorer.behaviour = answering(0.9)
    claim_id = (await severed.api.submit()).json()["claim_id"]
    path = f"/v1/claims/{claim_id}/decisions"
    version = (await severed.api.get(path)).json()["version"]
    body = {"action": "release", "reason": "review_found_no_issue", "expected_version": version}
    await severed.lose_answer(COMMIT, before=NONCE + SEALING)
    first = await severed.api.post(path, body, role="investigator")
    assert problem(first) == (503, "outcome-unknown")
    again = await severed.api.post(path, body, role="investigator")
    assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
    assert severed.api.count("decisions") == 1


@pytest.mark.parametrize("lose", ["lose_answer", "lose_statement"])
async def test_a_change_under_a_key_is_carried_out_once_whatever_became_of_its_commit(severed: Severed, lose: str):
    claim_id = (await severed.api.submit()).json()["claim_id"]
    await severed.api.database.engine.dispose()
    getattr(severed.proxy, lose)(COMMIT)
    path, key = f"/v1/claims/{claim_id}/void", {"Idempotency-Key": "v1"}
    first = await severed.api.post(path, {}, **key)
    assert problem(first) == (503, "outcome-unknown")
    assert first.json()["claim_id"] == claim_id
    assert "with the same Idempotency-Key" in first.json()["detail"]
    again = await severed.api.post(path, {}, **key)
    assert (again.status_code, again.json()["status"]) == (200, "voided")
    assert ("idempotency-replayed" in again.headers) == (lose == "lose_answer")
    assert severed.api.rows("SELECT count(*) FROM audit_log WHERE act = 'claim.void'") == [(1,)]


async def test_a_disposition_is_recorded_once_whatever_became_of_the_first(severed: Severed):
    claim_id = (await severed.api.submit()).json()["claim_id"]
    path, body = f"/v1/claims/{claim_id}/dispositions", {"disposition": "cleared"}
    await severed.lose_answer(COMMIT, before=NONCE + SEALING)
    assert problem(await severed.api.post(path, body)) == (503, "outcome-unknown")
    assert (await severed.api.post(path, body)).status_code == 201
    assert severed.api.count("dispositions") == 1


async def test_a_claim_for_later_without_a_key_names_its_task_and_claims_no_repeated_reply(severed: Severed):
    severed.proxy.lose_answer(COMMIT, before=SEALING)
    first = await severed.api.submit(Prefer="respond-async")
    assert (first.status_code, first.json()["type"]) == (503, "/docs/problems#outcome-unknown")
    task_id = first.json()["task_id"]
    assert f"GET /v1/tasks/{task_id}" in first.json()["detail"]
    assert "retry-after" not in first.headers, "what repeats by it would submit the claim twice"
    assert (await severed.api.get(f"/v1/tasks/{task_id}")).json()["state"] == "queued"
    again = await severed.api.submit(Prefer="respond-async")
    assert again.json()["task_id"] != task_id
    assert severed.api.count("tasks") == 2


async def test_a_claim_for_later_with_a_key_is_answered_as_the_first(severed: Severed):
    headers = {"Prefer": "respond-async", "Idempotency-Key": "k1"}
    severed.proxy.lose_answer(COMMIT, before=SEALING)
    first = await severed.api.submit(**headers)
    assert problem(first) == (503, "outcome-unknown")
    again = await severed.api.submit(**headers)
    assert (again.status_code, again.headers["idempotency-replayed"]) == (202, "true")
    assert severed.api.count("tasks") == 1
