"""Above its capacity the API refuses at once what it could not answer in time, and batches wait for each other."""

import asyncio
from collections import Counter

from api import metrics
from api.overload import (
    DECREASE,
    FORGOTTEN_S,
    MAX_LIMIT,
    MIN_LIMIT,
    TARGET_S,
    ConcurrencyLimit,
    Place,
    RefuseOverload,
    _place,
    waiting_for_member,
    waiting_for_scorer,
)
from tests.api.makers import MINIMAL, Api, Exchange, scores

BATCH = {"claims": [{**MINIMAL, "claim_id": f"old-{at}"} for at in range(45)]}


def window(limit: ConcurrencyLimit, seconds: float, *, begin: float, claims: int = 20) -> None:
    """Claims that all take `seconds`, answered within one tenth of a second."""
    for at in range(1, claims + 1):
        limit.measure(seconds, begin + at * 0.1 / claims)


def test_slow_claims_decrease_the_limit_to_what_the_throughput_fits():
    limit = ConcurrencyLimit(0.0)
    for _ in range(50):
        limit.take(b"a")
    window(limit, 5 * TARGET_S, begin=0.0)
    assert limit.limit == 200 * TARGET_S
    window(limit, 5 * TARGET_S, begin=0.1, claims=12)
    assert limit.limit == 120 * TARGET_S
    for at in range(2, 9):
        window(limit, 5 * TARGET_S, begin=at * 0.1, claims=5)
    assert limit.limit == MIN_LIMIT


def test_quick_claims_increase_it_one_by_one_where_it_binds_and_faster_where_not():
    limit = ConcurrencyLimit(0.0)
    limit.limit = MIN_LIMIT
    for _ in range(MIN_LIMIT):
        limit.take(b"a")
    window(limit, TARGET_S / 2, begin=0.0)
    assert limit.limit == MIN_LIMIT + 1
    for _ in range(MIN_LIMIT):
        limit.release(b"a")
    window(limit, TARGET_S / 2, begin=0.1)
    for at in range(2, 60):
        window(limit, TARGET_S / 2, begin=at * 0.1)
    assert limit.limit == MAX_LIMIT


def test_a_brief_stall_at_few_claims_leaves_room_for_those_that_follow():
    limit = ConcurrencyLimit(0.0)
    for _ in range(2 * MIN_LIMIT):
        limit.take(b"a")
    window(limit, 5 * TARGET_S, begin=0.0, claims=5)
    assert limit.limit == int(MAX_LIMIT * DECREASE)  # what was sent is not what the server can do
    limit.take(b"a")
    window(limit, 5 * TARGET_S, begin=0.1, claims=5)
    assert limit.limit == MIN_LIMIT


def test_a_single_sender_at_its_share_lets_the_limit_increase():
    limit = ConcurrencyLimit(0.0)
    limit.limit = MIN_LIMIT
    while limit.admits(b"a"):
        limit.take(b"a")
    assert limit.in_flight < MIN_LIMIT
    window(limit, TARGET_S / 2, begin=0.0)
    assert limit.limit == MIN_LIMIT + 1
    window(limit, TARGET_S / 2, begin=0.1)
    assert limit.limit == MIN_LIMIT + 1  # nobody came who would have needed more
    limit.release(b"a")
    limit.take(b"a")
    limit.take(b"a")
    window(limit, TARGET_S / 2, begin=0.2)
    assert limit.limit == MIN_LIMIT + 2


def test_a_server_without_work_forgets_the_limit_of_a_past_overload():
    limit = ConcurrencyLimit(0.0)
    for _ in range(50):
        limit.take(b"a")
    for _ in range(50):
        limit.release(b"a")
    for at in range(20):
        window(limit, 5 * TARGET_S, begin=at * 0.1, claims=5)
    assert limit.limit == MIN_LIMIT
    limit.take(b"a")
    limit.forget_overload(2.0 + FORGOTTEN_S)
    assert limit.limit == MIN_LIMIT  # there is work
    limit.release(b"a")
    limit.forget_overload(2.5)
    assert limit.limit == MIN_LIMIT  # it was only just overloaded
    limit.forget_overload(2.0 + FORGOTTEN_S)
    assert limit.limit == MAX_LIMIT


def test_one_sender_has_a_share_and_the_rest_is_for_others():
    limit = ConcurrencyLimit(0.0)
    limit.limit = 4
    for _ in range(3):
        assert limit.admits(b"a")
        limit.take(b"a")
    assert not limit.admits(b"a")
    assert limit.admits(b"b")
    limit.take(b"b")
    assert not limit.admits(b"c")
    limit.release(b"a")
    assert limit.admits(b"a")


def test_what_one_sender_has_in_flight_beyond_its_share_takes_no_place_of_others():
    limit = ConcurrencyLimit(0.0)
    for _ in range(300):
        limit.take(b"flood")
    window(limit, 5 * TARGET_S, begin=0.0, claims=5)
    assert limit.limit == MIN_LIMIT
    assert not limit.admits(b"flood")
    for _ in range(2):
        assert limit.admits(b"other")
        limit.take(b"other")
    assert not limit.admits(b"other")
    assert not limit.admits(b"third")


def test_waiting_for_others_is_not_counted_and_a_wait_for_the_member_takes_no_place():
    limit = ConcurrencyLimit(0.0)
    limit.take(b"a")
    place = Place(limit, b"a")
    token = _place.set(place)
    with waiting_for_scorer():
        assert limit.in_flight == 1
    before = place.waited_s
    with waiting_for_member():
        assert limit.in_flight == 0
    _place.reset(token)
    assert limit.in_flight == 1
    assert place.waited_s > before > 0.0
    with waiting_for_scorer(), waiting_for_member():  # outside a request, as in the worker
        assert limit.in_flight == 1


def door(api: Api) -> RefuseOverload:
    """The middleware of a running application."""
    layer = api.app.middleware_stack
    while not isinstance(layer, RefuseOverload):
        layer = layer._app if hasattr(layer, "_app") else layer.app  # type: ignore[union-attr]
    return layer


async def test_requests_beyond_the_limit_are_refused_and_health_is_not(api: Api):
    assert (await api.get("/v1/claims")).status_code == 200
    door(api).limit.limit = 0
    before = metrics.QUEUE_REFUSED.labels("door", "full")._value.get()
    for response in (await api.submit(), await api.get("/v1/claims")):
        assert (response.status_code, response.json()["type"]) == (503, "/docs/problems#overloaded")
        assert response.headers["retry-after"] == "1"
    assert metrics.QUEUE_REFUSED.labels("door", "full")._value.get() == before + 2
    for path in ("/livez", "/readyz", "/metrics"):
        assert (await api.get(path)).status_code == 200
    assert (await api.get("/v1/exports/claims?last_day=2026-01-01")).status_code == 200
    upload = await api.client.patch(
        "/v1/bulk/claims/blk_none",
        content=b"x",
        headers={**api.as_("claims_system"), "Upload-Offset": "0", "Content-Type": "application/octet-stream"},
    )
    assert upload.status_code == 404
    door(api).limit.limit = MAX_LIMIT
    assert (await api.submit()).status_code == 201
    assert door(api).limit.in_flight == 0


async def test_batches_are_scored_one_after_the_other_in_pieces_and_say_their_position(api: Api):
    answers = await asyncio.gather(*(api.post("/v1/claims:score-batch", BATCH) for _ in range(4)))
    assert [answer.status_code for answer in answers] == [200] * 4
    assert sorted(answer.headers["ginja-batch-position"] for answer in answers) == ["0", "1", "2", "3"]
    expected = [claim["claim_id"] for claim in BATCH["claims"]]
    for answer in answers:
        assert [score["claim_id"] for score in answer.json()["scores"]] == expected
    assert Counter(len(one.document["requests"]) for one in api.scorer.received) == {20: 8, 5: 4}


async def test_a_batch_beyond_the_queue_is_refused_with_its_position(api: Api):
    async with api.dependencies.batches.turn():
        api.dependencies.batches._max_waiting = 0
        response = await api.post("/v1/claims:score-batch", BATCH)
    assert (response.status_code, response.json()["type"]) == (503, "/docs/problems#batch-queue-full")
    assert (response.json()["position"], response.json()["waiting"]) == (1, 0)
    assert response.headers["retry-after"] == "5"


async def test_a_batch_that_the_scorer_postpones_is_sent_again(api: Api):
    async def postpones_once(exchange: Exchange) -> None:
        if len(api.scorer.received) == 1:
            exchange.writer.write(b"HTTP/1.1 503 X\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n")
            await exchange.writer.drain()
        else:
            await scores(exchange)

    api.scorer.behaviour = postpones_once
    response = await api.post("/v1/claims:score-batch", {"claims": BATCH["claims"][:3]})
    assert response.status_code == 200
    assert len(api.scorer.received) == 2
