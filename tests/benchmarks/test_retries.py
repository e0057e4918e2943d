"""The benchmark of requests that are sent again: what it calls broken."""

from dataclasses import replace

import pytest
from click.testing import CliRunner

from benchmarks.retries import RetryFigures
from cli.main import main

GOOD = RetryFigures(
    with_valkey=True,
    keys=5,
    requests=20,
    kills=1,
    seconds=1.0,
    responses={"201": 20},
    claims=5,
    replies=5,
    keys_with_different_replies=0,
    given_up=0,
)


def test_one_claim_and_one_reply_for_each_key_is_not_broken():
    assert GOOD.broken == []


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"claims": 6}, "with Valkey: 6 claims for 5 keys"),
        ({"claims": 4}, "with Valkey: 4 claims for 5 keys"),
        ({"replies": 4, "with_valkey": False}, "without Valkey: 4 stored replies for 5 keys"),
        ({"keys_with_different_replies": 1}, "with Valkey: 1 keys with different replies"),
        ({"given_up": 2}, "with Valkey: 2 requests given up"),
    ],
)
def test_what_does_not_hold_is_named(changed: dict[str, int], text: str):
    assert replace(GOOD, **changed).broken == [text]


def test_a_kill_for_each_request_is_refused_before_anything_starts():
    refused = CliRunner().invoke(main, ["bench", "retries", "--keys", "1", "--requests", "5", "--kills", "5"])
    assert refused.exit_code == 2
    assert "--requests must be above --kills (5)" in " ".join(refused.output.split())
