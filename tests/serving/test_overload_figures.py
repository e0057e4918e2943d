"""The figures of `ginja bench overload` are those of its responses, and each missed target is named."""

import asyncio
import dataclasses

from benchmarks.back_books import BackBookFigures, live_figures
from benchmarks.load import Response, phases, request_bytes
from benchmarks.overload import figures, missed_targets, recovery_s
from tests.serving.test_load import server


def response(due: float, status: int = 201, ms: float = 20.0, decided_by: str = "model") -> Response:
    return Response(due, status, ms, 0.1, f"clm_{due}", decided_by)


DURING = [response(at / 10, 201 if at % 3 == 0 else 503, 2.0 + at) for at in range(100)]
AFTER = [response(10.0 + at / 10) for at in range(100)]
HEALTHY = {"/livez": 4.0, "/readyz": 9.0, "/metrics": 20.0}
FOUND = figures(DURING, AFTER, capacity=3.3, seconds=10.0, lost=0, health=HEALTHY)


def books(*, live: list[Response], finished: int = 4) -> BackBookFigures:
    return BackBookFigures(4, "api", 4, finished, 2, {}, 10.0, 200.0, 3, live_figures(live))


def test_a_response_is_the_same_after_it_was_written():
    for one in (response(1.5), Response(2.0, 0, 10_000.0, 0.2, "", "")):
        assert Response.parse(one.line()) == one


def test_admitted_and_refused_requests_are_counted_apart():
    assert (FOUND.admitted, FOUND.refused, FOUND.offered_per_s) == (34, 66, 10.0)
    assert (FOUND.admitted_p50_ms, FOUND.refused_p50_ms) == (51.5, 51.5)
    assert FOUND.other_statuses == {}
    assert FOUND.by_model_share == 1.0


def test_recovery_ends_with_the_last_claim_that_was_refused_or_slow():
    assert recovery_s(AFTER) == 0.0
    assert recovery_s([*AFTER[:20], response(12.0, ms=400.0), *AFTER[21:]]) == 2.0
    assert recovery_s([*AFTER[:20], response(12.0, 503), *AFTER[21:]]) == 2.0
    assert recovery_s([*AFTER[:-1], response(19.9, 503)]) is None
    assert recovery_s([]) is None


def test_each_missed_target_is_named():
    fine = dataclasses.replace(FOUND, refused_p99_ms=40.0)
    assert missed_targets([books(live=AFTER)], fine) == []
    worse = dataclasses.replace(
        fine,
        admitted_p99_ms=301.0,
        refused_p99_ms=51.0,
        lost=1,
        other_statuses={"500": 1},
        health_max_ms={"/livez": float("inf")},
        recovery_s=None,
    )
    rule = [response(1.0, decided_by="rule"), response(1.1, 503)]
    missed = missed_targets([books(live=rule, finished=3)], worse)
    assert len(missed) == 9
    assert missed_targets([], None) == []


def test_phases_follow_each_other_and_every_response_is_kept():
    requests = iter([request_bytes("/v1/claims", b"{}", {})] * 100)
    with server() as port:
        outcome, responses = asyncio.run(phases("127.0.0.1", port, requests, [(100.0, 0.1), (50.0, 0.2)]))
    assert outcome.statuses == {200: 20}
    dues = sorted(round(one.due - min(each.due for each in responses), 3) for one in responses)
    assert dues == [*(round(at / 100, 3) for at in range(10)), *(round(0.1 + at / 50, 3) for at in range(10))]
