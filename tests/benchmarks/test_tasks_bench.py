"""The benchmark of claims that are decided later: what it calls broken."""

from dataclasses import replace

import pytest
from click.testing import CliRunner

from benchmarks.tasks import STUCK_S, TaskFigures
from cli.main import main

GOOD = TaskFigures(
    claims=5,
    kills=1,
    rate=4.0,
    seconds=1.0,
    accepted=5,
    stored=5,
    decided=5,
    decided_twice=0,
    failed=0,
    open=0,
    repeated=2,
    median_s=0.5,
    longest_s=STUCK_S,
)


def test_each_claim_decided_once_and_in_time_is_not_broken():
    assert GOOD.broken == []


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"stored": 6}, "6 claims stored for 5 requests"),
        ({"stored": 4, "decided": 4, "open": 1}, "1 tasks have not ended"),
        ({"decided": 4, "failed": 1}, "1 tasks failed"),
        ({"decided_twice": 1}, "1 claims were decided twice"),
        ({"accepted": 4, "stored": 4, "decided": 4}, "4 of 5 requests were answered with 202"),
        ({"longest_s": STUCK_S + 0.1}, "a claim took 120 s"),
    ],
)
def test_what_does_not_hold_is_named(changed: dict[str, float], text: str):
    assert text in replace(GOOD, **changed).broken


def test_a_kill_for_each_claim_is_refused_before_anything_starts():
    refused = CliRunner().invoke(main, ["bench", "tasks", "--claims", "5", "--kills", "5"])
    assert refused.exit_code == 2
    assert "--claims must be above --kills (5)" in " ".join(refused.output.split())
