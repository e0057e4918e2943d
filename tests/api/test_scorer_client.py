import asyncio
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import metrics
from api.scorer import breaker as rules
from api.scorer.breaker import Breaker, BreakerState
from api.scorer.client import ScorerClient
from claims.scoring import ClaimFacts
from tests.api.makers import WireScorer, scores, wire_scorer
from tests.claims.makers import encode, score_document

CONTRACTS = Path(__file__).parents[1] / "contracts"
REQUEST = json.loads((CONTRACTS / "score_request.json").read_text())
FACTS = ClaimFacts.model_validate(REQUEST["claim"])
ANSWER = (CONTRACTS / "score_response.json").read_bytes()


@pytest.fixture
async def scorer():
    async with wire_scorer() as at_the_wire:
        yield at_the_wire


def client_of(scorer: WireScorer, deadline_ms: int = 5_000, **options: int) -> ScorerClient:
    return ScorerClient(f"http://127.0.0.1:{scorer.port}", deadline_ms=deadline_ms, **options)


async def test_requests_to_the_scorer_and_its_responses_follow_the_contract(scorer):
    async def answers(exchange):
        await exchange.answer(ANSWER)

    scorer.behaviour = answers
    scoring = await client_of(scorer).score(FACTS)
    (exchange,) = scorer.received
    assert (exchange.path, exchange.document) == ("/v1/score", REQUEST)
    assert exchange.headers["content-type"] == "application/json"
    assert exchange.headers["ginja-deadline"].isdigit()
    assert scoring.score is not None
    assert scoring.score.probability == json.loads(ANSWER)["probability"]


async def test_given_states_are_sent_to_the_scorer(scorer):
    await client_of(scorer).score(FACTS, {"rows": {"member_today": [1, 2]}})
    assert scorer.received[0].document["states"] == {"rows": {"member_today": [1, 2]}}


async def test_as_many_connections_are_kept_as_there_were_concurrent_calls(scorer):
    client = client_of(scorer)
    for _ in range(5):
        await client.score(FACTS)
    assert scorer.connections == 1
    await asyncio.gather(*(client.score(FACTS) for _ in range(4)))
    assert scorer.connections <= 4


async def closes(exchange):
    exchange.writer.close()


async def resets_midway(exchange):
    exchange.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{")
    await exchange.writer.drain()
    exchange.writer.transport.abort()


async def is_silent(exchange):
    await asyncio.Event().wait()


async def trickles(exchange):
    exchange.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while not exchange.writer.is_closing():
        exchange.writer.write(b" ")
        await exchange.writer.drain()
        await asyncio.sleep(0.005)


async def talks_for_ever(exchange):
    exchange.writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not exchange.writer.is_closing():
        exchange.writer.write(b"10000\r\n" + b" " * 65_536 + b"\r\n")
        await exchange.writer.drain()


async def is_not_http(exchange):
    exchange.writer.write(b"hello\r\n\r\n")
    await exchange.writer.drain()


def says(body: bytes, status: int = 200):
    return lambda exchange: exchange.answer(body, status)


def right_but(**changes):
    return says(encode(score_document(claim_id=FACTS.claim_id) | changes))


@pytest.mark.parametrize(
    ("behaviour", "failure"),
    [
        (closes, "reset"),
        (resets_midway, "reset"),
        (is_silent, "deadline"),
        (trickles, "deadline"),
        (talks_for_ever, "too_large"),
        (is_not_http, "protocol"),
        (says(b""), "malformed"),
        (says(b"<html>"), "malformed"),
        (says(b"{}", 500), "http_500"),
        (says(b"{}", 503), "http_503"),
        (says(b"{}", 429), "http_429"),
        (right_but(probability=float("nan")), "malformed"),
        (right_but(probability=1.5), "malformed"),
        (right_but(margin=5.0), "sum"),
        (right_but(schema_hash="0" * 64), "schema"),
        (right_but(claim_id="clm_other"), "other_claim"),
        (right_but(contract="2"), "malformed"),
    ],
)
async def test_a_failing_scorer_gives_no_score_and_is_no_longer_called_after_three_failures(scorer, behaviour, failure):
    scorer.behaviour = behaviour
    client = client_of(scorer, deadline_ms=5_000 if failure != "deadline" else 60)
    scorings = [await client.score(FACTS) for _ in range(4)]
    assert [scoring.failure for scoring in scorings] == [failure] * 3 + ["breaker_open"]
    assert [scoring.breaker_state for scoring in scorings] == ["closed"] * 3 + ["open"]
    assert all(scoring.score is None for scoring in scorings)


async def test_an_unreachable_scorer_gives_no_score(scorer):
    client = client_of(scorer)
    client = ScorerClient("http://127.0.0.1:1", deadline_ms=5_000)
    assert (await client.score(FACTS)).failure == "connect"


async def test_a_refused_request_says_nothing_about_the_scorers_health(scorer):
    scorer.behaviour = says(b"{}", 422)
    client = client_of(scorer)
    failures = {(await client.score(FACTS)).failure for _ in range(6)}
    assert (failures, client.state()) == ({"http_422"}, BreakerState.CLOSED)


async def test_a_stale_pooled_connection_does_not_cost_a_claim_its_score(scorer):
    async def answers_and_closes(exchange):
        await scores(exchange)
        exchange.writer.close()
        closed.set()

    closed = asyncio.Event()
    scorer.behaviour = answers_and_closes
    client = client_of(scorer)
    for _ in range(3):
        assert (await client.score(FACTS)).score is not None
        await closed.wait()
        closed.clear()


# Asking twice


def in_turn(*behaviours):
    """The first request meets the first behaviour, the second the second, and so on."""
    left = iter(behaviours)
    return lambda exchange: next(left)(exchange)


def hedges() -> float:
    return metrics.SCORER_HEDGES._value.get()


async def test_a_slow_scorer_gets_one_request_unless_configured_otherwise(scorer):
    scorer.behaviour = is_silent
    before = hedges()
    assert (await client_of(scorer, deadline_ms=60).score(FACTS)).failure == "deadline"
    assert (len(scorer.received), hedges() - before) == (1, 0)


async def test_a_slow_response_is_overtaken_by_a_second_one_and_its_connection_is_dropped(scorer):
    dropped = asyncio.Event()

    async def trickles_until_dropped(exchange):
        try:
            await trickles(exchange)
        finally:
            dropped.set()

    scorer.behaviour = in_turn(trickles_until_dropped, scores, scores)
    client, before = client_of(scorer, hedge_after_ms=20), hedges()
    assert (await client.score(FACTS)).score is not None
    await dropped.wait()
    first, second = scorer.received
    assert first.document == second.document
    assert (scorer.connections, hedges() - before) == (2, 1)
    assert (await client.score(FACTS)).score is not None
    assert scorer.connections == 2


async def test_a_second_answer_that_is_invalid_does_not_win(scorer):
    answered = asyncio.Event()

    async def answers_last(exchange):
        await answered.wait()
        await scores(exchange)

    async def answers_nonsense(exchange):
        await exchange.answer(b"{}")
        answered.set()

    scorer.behaviour = in_turn(answers_last, answers_nonsense)
    assert (await client_of(scorer, hedge_after_ms=20).score(FACTS)).score is not None
    assert len(scorer.received) == 2


async def test_a_hedged_request_has_one_deadline_and_counts_as_one_failure(scorer):
    scorer.behaviour = is_silent
    client = client_of(scorer, deadline_ms=300, hedge_after_ms=20)
    scorings = [await client.score(FACTS) for _ in range(rules.FAILURES)]
    assert {scoring.failure for scoring in scorings} == {"deadline"}
    assert {scoring.breaker_state for scoring in scorings} == {"closed"}
    assert len(scorer.received) == 2 * rules.FAILURES
    assert client.state() is BreakerState.OPEN


@pytest.mark.parametrize(("behaviour", "failure"), [(scores, None), (closes, "reset"), (says(b"{}", 422), "http_422")])
async def test_an_immediate_response_or_failure_causes_no_second_request(scorer, behaviour, failure):
    scorer.behaviour = behaviour
    assert (await client_of(scorer, hedge_after_ms=4_000).score(FACTS)).failure == failure
    assert len(scorer.received) == 1


# The breaker


def opened(now: float = 0.0) -> Breaker:
    breaker = Breaker()
    for _ in range(rules.FAILURES):
        assert breaker.admits(now)
        breaker.failed(now)
    return breaker


def test_the_breaker_opens_after_failures_in_a_row_only():
    breaker = Breaker()
    for _ in range(20):
        for _ in range(rules.FAILURES - 1):
            breaker.failed(0)
        breaker.succeeded(0)
    assert breaker.state(0) is BreakerState.CLOSED
    assert opened().state(0) is BreakerState.OPEN


def test_an_open_breaker_sends_nothing_and_then_one_probe_at_a_time():
    breaker = opened()
    assert not breaker.admits(rules.FIRST_PAUSE_S - 0.001)
    assert breaker.admits(rules.FIRST_PAUSE_S)
    assert not breaker.admits(rules.FIRST_PAUSE_S)


def test_a_probe_without_a_result_is_replaced():
    breaker = opened()
    assert breaker.admits(1.0)
    assert breaker.admits(1.0 + rules.PROBE_LOST_S)


def test_successful_probes_close_the_breaker():
    breaker = opened()
    for _ in range(rules.PROBES):
        assert breaker.admits(1.0)
        breaker.succeeded(1.0)
    assert breaker.state(1.0) is BreakerState.CLOSED


def test_a_response_to_a_call_before_the_breaker_opened_does_not_close_it():
    breaker = opened()
    for _ in range(5):
        breaker.succeeded(0.1)
    assert breaker.state(0.1) is BreakerState.OPEN


def test_failed_probes_wait_longer_and_longer_up_to_a_limit():
    breaker, now, pauses = opened(), 0.0, []
    for _ in range(8):
        began = now
        while not breaker.admits(now):
            now += 0.125
        pauses.append(now - began)
        breaker.failed(now)
    assert pauses == [0.5, 1.0, 2.0, *[rules.LONGEST_PAUSE_S] * 5]


@given(st.lists(st.tuples(st.floats(0, 5), st.sampled_from(["ask", "good", "bad"])), max_size=60))
def test_a_recovered_scorer_is_used_again_within_seconds_after_any_sequence_of_failures(events):
    breaker, now = Breaker(), 0.0
    for pause, event in events:
        now += pause
        if event == "ask":
            breaker.admits(now)
        elif event == "good":
            breaker.succeeded(now)
        else:
            breaker.failed(now)
    recovered = now
    while breaker.state(now) is not BreakerState.CLOSED:
        if breaker.admits(now):
            breaker.succeeded(now)
        now += 0.05
    assert now - recovered < rules.LONGEST_PAUSE_S + rules.PROBE_LOST_S + 1
