"""The chaos test itself: every forged response is invalid, and every missed target is named."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.chaos import CORRUPTIONS, FaultEffect, FaultResult, figures_line, missed_targets, selection
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
    names = selection().names
    assert len(set(names)) == len(names)


def test_faults_are_selected_by_a_part_of_their_name() -> None:
    assert selection(["postgres", "DISK"]).names == [
        "model damaged on disk, scorer killed",
        "Postgres killed (-9), down",
        "Postgres read-only",
        "disk of the tables full",
        "disk of the write-ahead log full",
    ]
    with pytest.raises(ValueError, match="unknown fault: comet"):
        selection(["comet"])


KEPT = FaultResult(
    fault="a fault",
    effect=FaultEffect.DEGRADES,
    claims=500,
    by_model=300,
    by_rule=200,
    lost=0,
    still_refused=0,
    doubled=0,
    refused=0,
    refused_outside=0,
    outcome_unknown=0,
    unanswered=0,
    server_errors=0,
    statuses={"201": 500},
    p50_ms=10.0,
    p99_ms=200.0,
    max_ms=250.0,
    ready_false_s=None,
    ready_again_s=0.0,
    opened_s=0.3,
    closed_s=1.5,
    rescored=200,
    rescored_s=4.0,
    not_rescored=[],
)
REFUSED = replace(KEPT, effect=FaultEffect.REFUSES, refused=90, opened_s=None, p99_ms=2_300.0, ready_false_s=0.6)
DOWN = replace(REFUSED, effect=FaultEffect.DOWN, refused=0, unanswered=200, ready_again_s=40.0, children_ended_s=3.0)


def test_a_run_that_meets_its_targets_reports_no_missed_target() -> None:
    undisturbed = replace(KEPT, effect=FaultEffect.NONE, opened_s=None, by_rule=0)
    contained = replace(undisturbed, effect=FaultEffect.CONTAINED, refused=20)
    assert missed_targets([KEPT, undisturbed, contained, REFUSED, DOWN]) == []


@pytest.mark.parametrize(
    ("result", "changed", "words"),
    [
        (KEPT, {"lost": 1}, "1 of 500 claims lost"),
        (KEPT, {"still_refused": 4}, "4 claims refused each time"),
        (KEPT, {"doubled": 1}, "1 claims stored that no response named"),
        (KEPT, {"server_errors": 2}, "2 5xx responses"),
        (KEPT, {"refused": 3, "refused_outside": 3}, "3 claims refused"),
        (KEPT, {"unanswered": 2}, "2 claims without a response"),
        (REFUSED, {"unanswered": 2}, "2 claims without a response"),
        (KEPT, {"p99_ms": 301.0}, "p99 of 301 ms"),
        (KEPT, {"opened_s": None}, "breaker not open"),
        (KEPT, {"opened_s": 5.1}, "breaker not open"),
        (KEPT, {"closed_s": None}, "breaker not closed"),
        (KEPT, {"not_rescored": ["clm_1"]}, "1 claims not rescored"),
        (KEPT, {"effect": FaultEffect.NONE, "by_model": 0}, "no claim was decided by the model"),
        (KEPT, {"ready_false_s": 1.0}, "not ready, though claims can be stored"),
        (REFUSED, {"ready_false_s": None}, "still ready after 5 s"),
        (REFUSED, {"ready_false_s": 5.1}, "still ready after 5 s"),
        (REFUSED, {"ready_again_s": None}, "not ready again within 15 s"),
        (REFUSED, {"ready_again_s": 15.1}, "not ready again within 15 s"),
        (DOWN, {"ready_again_s": 90.1}, "not ready again within 90 s"),
        (DOWN, {"children_ended_s": None}, "processes left 15 s after their supervisor"),
    ],
)
def test_each_missed_target_is_named(result: FaultResult, changed: dict[str, object], words: str) -> None:
    (found,) = missed_targets([replace(result, **changed)])  # type: ignore[arg-type]
    assert found.startswith("a fault: ")
    assert words in found


def test_the_figures_of_a_fault_fit_a_line_that_names_what_was_missed() -> None:
    assert figures_line(KEPT) == ("a fault: 500 claims, 200 by the rule, 0 refused, 0 lost, p99 200 ms; nothing missed")
    assert figures_line(replace(KEPT, lost=1)).endswith("1 lost, p99 200 ms; 1 of 500 claims lost")
