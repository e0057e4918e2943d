"""The work for a body of the scorer, and for a score that it returns, is bounded by its size: every field is tried."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

from claims.score_check import InvalidScore, parse_score
from claims.scoring import ClaimFacts, Score
from serving.errors import Refusal
from serving.wire import BatchRequest, ScoreRequest, WireModel
from tests.work import HOSTILE_TEXTS, HOSTILE_TOKENS, Work, measured

CONTRACTS = Path(__file__).parents[1] / "contracts"
REQUEST = json.loads((CONTRACTS / "score_request.json").read_text())
SCORE = json.loads((CONTRACTS / "score_response.json").read_text())
MARK = "<the hostile token>"


def read(body: bytes, wire: type[WireModel], deadline: bytes = b"") -> WireModel | Refusal:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    headers = [(b"content-type", b"application/json"), *([(b"ginja-deadline", deadline)] if deadline else [])]
    scope = {"type": "http", "method": "POST", "path": "/v1/score", "headers": headers}
    return asyncio.run(wire.from_http_request(Request(scope, receive), None))


def spoiled(document: dict[str, Any], token: bytes) -> Iterator[bytes]:
    """The document once for each field at any depth, with the field replaced by the token."""
    for path in paths(document):
        copy = deepcopy(document)
        at: Any = copy
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = MARK
        yield json.dumps(copy).encode().replace(json.dumps(MARK).encode(), token)


def paths(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in items:
        yield (*before, step)
        yield from paths(inner, (*before, step))


@pytest.fixture(scope="module")
def usual() -> Work:
    """The work for the contract's examples after warm-up."""
    body, batch = json.dumps(REQUEST).encode(), json.dumps({"requests": [REQUEST]}).encode()
    for _ in range(2):
        with measured() as work:
            read(body, ScoreRequest)
            read(batch, BatchRequest)
            parse_score(json.dumps(SCORE).encode(), SCORE["claim_id"])
    return work


def test_the_examples_have_every_field() -> None:
    assert set(REQUEST["claim"]) == set(ClaimFacts.model_fields)
    assert set(SCORE) == set(Score.model_fields)


@pytest.mark.parametrize("token", HOSTILE_TOKENS.values(), ids=HOSTILE_TOKENS)
def test_the_work_for_a_score_request_is_bounded_by_its_size(token: bytes, usual: Work) -> None:
    for body in spoiled(REQUEST, token):
        for sent, wire in ((body, ScoreRequest), (b'{"requests":[' + body + b"]}", BatchRequest)):
            with measured() as work:
                read(sent, wire)
            assert work.is_bounded(len(sent), usual), body[:200]


@pytest.mark.parametrize("text", HOSTILE_TEXTS.values(), ids=HOSTILE_TEXTS)
def test_the_work_for_a_deadline_is_bounded_by_its_size(text: str, usual: Work) -> None:
    body = json.dumps(REQUEST).encode()
    with measured() as work:
        answer = read(body, ScoreRequest, text.encode())
    assert isinstance(answer, Refusal)
    assert work.is_bounded(len(body) + len(text), usual)


@pytest.mark.parametrize("token", HOSTILE_TOKENS.values(), ids=HOSTILE_TOKENS)
def test_the_work_for_a_score_is_bounded_by_its_size(token: bytes, usual: Work) -> None:
    for body in spoiled(SCORE, token):
        with measured() as work, suppress(InvalidScore):
            parse_score(body, SCORE["claim_id"])
        assert work.is_bounded(len(body), usual), body[:200]
