"""What the stream of claims says of each: refused, confirmed, or left open."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from benchmarks.chaos.stream import ClaimStream, SubmittedClaim
from benchmarks.connection import RawResponse

REFUSED = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 2\r\n\r\n{}"
THROTTLED = b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\nContent-Length: 2\r\n\r\n{}"
FAILED = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\n{}"
NO_ANSWER = b""


def with_body(status: str, document: dict[str, str]) -> bytes:
    body = json.dumps(document).encode()
    return f"HTTP/1.1 {status}\r\nRetry-After: 1\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


CREATED = with_body("201 Created", {"claim_id": "clm_1", "decided_by": "model"})
UNKNOWN = with_body("503 Service Unavailable", {"type": "/docs/problems#outcome-unknown"})


@asynccontextmanager
async def answering(responses: Iterator[bytes]) -> AsyncIterator[int]:
    """A server on this port that gives each request the next response; it closes the connection after each."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]))
        writer.write(next(responses))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def submitted(*responses: bytes) -> SubmittedClaim:
    """A claim after these responses: to its submission, and to its being sent again until it is confirmed."""
    async with answering(iter(responses)) as port:
        stream = ClaimStream(port, "gnj_key", [b'{"member_id": "M1"}'])
        await stream.burst(1)
        if len(responses) > 1:
            await stream.resend_undecided()
    return stream.sent[0]


@pytest.mark.parametrize("response", [REFUSED, THROTTLED])
async def test_a_claim_that_is_only_refused_is_not_lost(response: bytes) -> None:
    claim = await submitted(response)
    assert claim.only_refused
    assert not claim.is_lost(set())


@pytest.mark.parametrize("response", [FAILED, UNKNOWN, NO_ANSWER])
async def test_a_claim_whose_outcome_stays_open_is_lost(response: bytes) -> None:
    claim = await submitted(response)
    assert not claim.only_refused
    assert claim.is_lost(set())


@pytest.mark.parametrize("first", [REFUSED, UNKNOWN, NO_ANSWER])
async def test_a_claim_that_is_confirmed_when_sent_again_must_be_in_the_database(first: bytes) -> None:
    claim = await submitted(first, CREATED)
    assert not claim.only_refused
    assert not claim.is_lost({"clm_1"})
    assert claim.is_lost({"clm_2"})


async def test_an_open_outcome_is_not_settled_by_a_later_refusal() -> None:
    claim = await submitted(UNKNOWN)
    head, _, body = REFUSED.rpartition(b"\r\n\r\n")
    claim.note(RawResponse(503, head + b"\r\n\r\n", body))
    assert claim.status == 503
    assert claim.is_lost(set())
