"""Streams of JSON objects: how they are split, and when an interruption is given up; without a network."""

import json
from typing import Any

import httpx
import pytest

from ginja_client import ConnectionFailed, RetryPolicy, UnexpectedResponse
from ginja_client.exchange import LineStream
from ginja_client.files import export_call, rejected_lines

OK = httpx.Response(200)
CUT = httpx.ReadError("reset")
BREAKS = ["\u2028", "\u2029", "\x85", "\r", "é"]
CLAIMS: Any = [{"claim_id": f"clm_{at}", "text": f"a{text}b"} for at, text in enumerate(BREAKS)]
LINES = b"".join(json.dumps(one, ensure_ascii=False).encode() + b"\n" for one in CLAIMS)


class Clock:
    """A clock that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def stream(clock: Clock, **policy: Any) -> LineStream:
    return LineStream(lambda last: export_call({}, None, last), RetryPolicy(**policy), now=clock)


@pytest.mark.parametrize("size", [1, 7, len(LINES)])
def test_only_a_line_feed_ends_a_line(size: int):
    read = stream(Clock())
    read.begin()
    parts = [LINES[at : at + size] for at in range(0, len(LINES), size)]
    assert [one for part in parts for one in read.objects(OK, part)] == CLAIMS
    assert list(read.ended(OK)) == []
    assert rejected_lines(httpx.Response(200, content=LINES)) == CLAIMS


def test_the_last_object_needs_no_line_feed_and_is_whole():
    read = stream(Clock())
    read.begin()
    assert list(read.objects(OK, LINES[:-1])) == CLAIMS[:-1]
    assert list(read.ended(OK)) == CLAIMS[-1:]
    list(read.objects(OK, b"{"))
    with pytest.raises(UnexpectedResponse):
        list(read.ended(OK))


@pytest.mark.parametrize("media_type", ["text/html; charset=utf-8", "application/json", None])
def test_an_empty_body_of_something_else_is_not_an_export_without_claims(media_type: str | None):
    headers = {} if media_type is None else {"Content-Type": media_type}
    with pytest.raises(UnexpectedResponse):
        stream(Clock()).is_open(httpx.Response(200, headers=headers))
    assert stream(Clock()).is_open(httpx.Response(200, headers={"Content-Type": "application/x-ndjson"}))
    assert not stream(Clock()).is_open(httpx.Response(503))


@pytest.mark.parametrize("line", [b"<html>\n", b"[]\n", b"\xff\n", b"\n"])
def test_a_line_of_something_else_is_an_error(line: bytes):
    read = stream(Clock())
    with pytest.raises(UnexpectedResponse, match="not an answer of the API"):
        list(read.objects(OK, line))


def test_the_deadline_does_not_run_while_the_objects_are_used():
    clock = Clock()
    read = stream(clock, deadline_s=60.0)
    read.begin()
    for _ in range(3):
        for _claim in read.objects(OK, LINES):
            clock.now += 3_600
        assert read.after(CUT) <= 0.25
        assert read.begin()["params"] == {"after": CLAIMS[-1]["claim_id"]}


def test_each_interruption_has_the_attempts_of_a_call():
    clock = Clock()
    read = stream(clock, attempts=3)
    for _ in range(2):
        read.begin()
        list(read.objects(OK, LINES))
        for _ in range(2):
            assert read.after(CUT) > 0
            read.begin()
    with pytest.raises(ConnectionFailed, match="after 3 attempts"):
        read.after(CUT)
