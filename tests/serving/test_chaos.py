"""The chaos test itself: every forged response is invalid, and every missed target is named."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.chaos import FaultResult, missed_targets
from benchmarks.faults import CORRUPTIONS, fault_scenarios
from claims.score_check import InvalidScore, parse_score

SCORE = json.loads((Path(__file__).parents[1] / "contracts" / "score_response.json").read_text())
CLAIM_ID = SCORE["claim_id"]


def message(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-length: " + str(len(body)).encode() + b"\r\n\r\n" + body


def test_the_original_score_of_each_forged_response_is_accepted() -> None:
    assert parse_score(json.dumps(SCORE).encode(), CLAIM_ID).claim_id == CLAIM_ID


@pytest.mark.parametrize("lie", CORRUPTIONS)
def test_no_forged_response_of_the_chaos_test_is_accepted(lie: str) -> None:
    _, _, body = CORRUPTIONS[lie](message(json.dumps(SCORE).encode())).partition(b"\r\n\r\n")
    with pytest.raises(InvalidScore):
        parse_score(body, CLAIM_ID)


def test_a_response_that_is_not_a_score_is_forwarded_unchanged() -> None:
    problem = message(b'{"type": "urn:ginja:scoring:late"}')
    assert CORRUPTIONS["contributions do not sum"](problem) == problem


def test_every_fault_has_its_own_name() -> None:
    names = [trial.name for trial in fault_scenarios()]
    assert len(set(names)) == len(names)


KEPT = FaultResult(
    fault="a fault",
    degrades=True,
    claims=500,
    by_model=300,
    by_rule=200,
    lost=0,
    server_errors=0,
    statuses={"201": 500},
    p50_ms=10.0,
    p99_ms=200.0,
    max_ms=250.0,
    opened_s=0.3,
    closed_s=1.5,
    rescored=200,
    rescored_s=4.0,
    not_rescored=[],
)


def test_a_run_that_meets_its_targets_reports_no_missed_target() -> None:
    assert missed_targets([KEPT, replace(KEPT, degrades=False, opened_s=None, by_rule=0)]) == []


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"lost": 1}, "1 of 500 claims lost"),
        ({"server_errors": 2}, "2 5xx responses"),
        ({"p99_ms": 301.0}, "p99 of 301 ms"),
        ({"opened_s": None}, "breaker not open"),
        ({"opened_s": 5.1}, "breaker not open"),
        ({"closed_s": None}, "breaker not closed"),
        ({"not_rescored": ["clm_1"]}, "1 claims not rescored"),
        ({"degrades": False, "by_model": 0}, "no claim was decided by the model"),
    ],
)
def test_each_missed_target_is_named(changed: dict[str, object], words: str) -> None:
    (found,) = missed_targets([replace(KEPT, **changed)])  # type: ignore[arg-type]
    assert found.startswith("a fault: ")
    assert words in found
