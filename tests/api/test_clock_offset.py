"""A difference of the hosts' clocks is measured on each exchange, corrected, and named where it cost a score."""

import time

import pytest

from api.scorer.client import ScorerClient
from api.scorer.clock_offset import ClockOffset
from tests.api.makers import Behaviour, Exchange, wire_scorer
from tests.api.test_scorer_client import ANSWER, FACTS


def on_a_host(ahead_s: float) -> Behaviour:
    """A scorer whose host's clock is ahead; it refuses what is late by that clock."""

    async def behaves(exchange: Exchange) -> None:
        theirs = time.time() + ahead_s
        late = int(exchange.headers["ginja-deadline"]) / 1_000 < theirs
        status, body = (504, b"{}") if late else (200, ANSWER)
        head = f"HTTP/1.1 {status} X\r\nGinja-Time: {round(theirs * 1e6)}\r\nContent-Length: {len(body)}\r\n\r\n"
        exchange.writer.write(head.encode() + body)
        await exchange.writer.drain()

    return behaves


@pytest.mark.parametrize("ahead_s", [30.0, -30.0], ids=["the scorer is ahead", "the scorer is behind"])
async def test_a_deadline_is_by_the_clock_of_the_scorer(ahead_s: float) -> None:
    async with wire_scorer() as scorer:
        scorer.behaviour = on_a_host(ahead_s)
        client = ScorerClient(f"http://127.0.0.1:{scorer.port}", deadline_ms=5_000)
        first = await client.score(FACTS)
        assert first.failure == ("clock_skew" if ahead_s > 0 else None)
        assert (await client.score(FACTS)).score is not None
        deadline = int(scorer.received[-1].headers["ginja-deadline"]) / 1_000
        assert abs(deadline - time.time() - ahead_s) < 10


async def test_a_scorer_that_does_not_state_its_time_is_sent_our_own() -> None:
    async with wire_scorer() as scorer:
        client = ScorerClient(f"http://127.0.0.1:{scorer.port}", deadline_ms=5_000)
        await client.score(FACTS)
        assert client.clock_offset.seconds == 0.0


def test_the_exchange_with_the_shortest_round_trip_counts() -> None:
    offset = ClockOffset()
    offset.measure(sent=100.0, received=100.5, theirs=100.79)
    offset.measure(sent=101.0, received=101.002, theirs=101.501)
    offset.measure(sent=102.0, received=102.4, theirs=102.75)
    assert offset.seconds == pytest.approx(0.5)


def test_a_difference_within_the_error_of_the_measurement_is_none() -> None:
    offset = ClockOffset()
    offset.measure(sent=100.0, received=100.004, theirs=100.0035)
    assert offset.seconds == 0.0


def test_a_clock_that_is_set_is_noticed_at_once() -> None:
    offset = ClockOffset()
    for n in range(5):
        offset.measure(sent=100.0 + n, received=100.001 + n, theirs=100.0005 + n)
    offset.measure(sent=200.0, received=200.002, theirs=3_601.001)
    assert offset.seconds == pytest.approx(3_401.0, abs=0.01)
    offset.measure(sent=300.0, received=299.0, theirs=300.0)  # ours was set back meanwhile
    assert offset.seconds == pytest.approx(3_401.0, abs=0.01)
