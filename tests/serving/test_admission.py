"""Live claims come before batches, and batches wait for each other."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

import httpx

from claims.scoring import DETAILS_PATH
from core.batch_queue import BatchRefused
from core.live_claims import LiveClaims
from serving.admission import MAX_EXPLANATIONS_WAITING, MAX_WAITING, AdmissionMiddleware
from serving.errors import TooManyBatches
from tests.serving.conftest import RunningScorer
from tests.serving.makers import a_claim
from tests.serving.test_service import body


async def test_a_batch_waits_for_live_claims_and_goes_on_when_they_are_answered():
    live = LiveClaims()
    live.begin()
    batch = asyncio.create_task(live.give_way())
    other = asyncio.create_task(live.give_way())
    live.end()
    await asyncio.gather(batch, other)
    assert live.are_recent


async def test_a_batch_does_one_piece_in_the_end_however_many_live_claims_there_are():
    live = LiveClaims()
    live.begin()
    await live.give_way()
    assert live.are_recent
    live.end()


async def test_without_live_claims_a_batch_does_not_wait():
    live = LiveClaims()
    assert not live.are_recent
    await live.give_way()


def test_a_refused_batch_says_its_position_and_when_to_send_it_again():
    response = TooManyBatches.of(BatchRefused(position=9, waiting=8, retry_after_s=12)).response()
    assert response.status_code == 503
    assert response.headers["retry-after"] == "12"
    assert b'"type":"urn:ginja:scoring:batch-queue-full"' in response.body
    assert b'"position":9,"waiting":8' in response.body


def test_of_many_batches_at_once_each_is_scored_or_refused_with_its_position(scorer: RunningScorer):
    batch = {"requests": [body(a_claim(claim_id=f"c{at}")) for at in range(50)]}
    with ThreadPoolExecutor(MAX_WAITING + 6) as senders:
        sent = [
            senders.submit(httpx.post, f"http://127.0.0.1:{scorer.port}/v1/score_batch", json=batch, timeout=60)
            for _ in range(MAX_WAITING + 6)
        ]
        answers = [one.result() for one in sent]
    scored = [one for one in answers if one.status_code == 200]
    refused = [one for one in answers if one.status_code != 200]
    assert len(scored) > MAX_WAITING
    assert all(len(one.json()["scores"]) == 50 for one in scored)
    assert max(int(one.headers["ginja-batch-position"]) for one in scored) >= 1
    for one in refused:
        assert one.status_code == 503
        assert one.json()["type"] == "urn:ginja:scoring:batch-queue-full"
        assert one.json()["position"] > MAX_WAITING
        assert int(one.headers["retry-after"]) >= 1
    metrics = scorer.client.get("/metrics").text
    assert "ginja_score_batch_wait_seconds_count" in metrics
    assert "ginja_score_batches_waiting" in metrics


async def test_one_explanation_is_computed_at_a_time_and_no_crowd_of_them_delays_a_claim():
    working, most, proceed = 0, 0, asyncio.Event()

    async def app(scope, receive, send):
        nonlocal working, most
        if scope["path"] == DETAILS_PATH:
            working, most = working + 1, max(most, working + 1)
            await proceed.wait()
            working -= 1
        await send({"type": "http.response.start", "status": 200, "headers": []})

    door = AdmissionMiddleware(app, LiveClaims())

    async def status_of(path: str) -> tuple[int, bytes]:
        sent: list[dict] = []

        async def send(message):
            sent.append(message)

        await door({"type": "http", "path": path, "headers": []}, None, send)
        return sent[0]["status"], b"".join(part.get("body", b"") for part in sent)

    admitted = [asyncio.create_task(status_of(DETAILS_PATH)) for _ in range(1 + MAX_EXPLANATIONS_WAITING)]
    await asyncio.sleep(0)
    status, problem = await status_of(DETAILS_PATH)
    assert (status, json.loads(problem)["type"]) == (503, "urn:ginja:scoring:explanation-queue-full")
    assert await status_of("/v1/score") == (200, b"")
    proceed.set()
    assert [status for status, _ in await asyncio.gather(*admitted)] == [200] * len(admitted)
    assert most == 1
