"""The fault proxy causes each fault, and forwards again on request."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from benchmarks.proxy import Fault, Proxy, Timing, with_body

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
QUICK = Timing(delay_seconds=0.05, trickle_bytes=40, trickle_seconds=0.001)


@asynccontextmanager
async def running_proxy(answered: bytes = ANSWER, *, closes: bool = False) -> AsyncIterator[Proxy]:
    """A proxy of a server that gives this answer to each question, or to one, after which it closes."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(100):
            writer.write(answered)
            if closes:
                break
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    proxy = Proxy(server.sockets[0].getsockname()[:2], QUICK)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()
        server.close()


async def ask(proxy: Proxy, seconds: float = 5) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        writer.write(b"question")
        return await asyncio.wait_for(reader.readexactly(len(ANSWER)), seconds)
    finally:
        writer.close()


@pytest.mark.parametrize("fault", [Fault.NONE, Fault.SLOW, Fault.TRICKLE])
def test_a_slow_proxy_forwards_everything(fault: Fault) -> None:
    async def story() -> None:
        async with running_proxy() as proxy:
            await proxy.set(fault)
            assert await ask(proxy) == ANSWER

    asyncio.run(story())


def test_a_refused_connection_is_an_error_and_open_ones_are_reset() -> None:
    async def story() -> None:
        async with running_proxy() as proxy:
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
            writer.write(b"question")
            assert await reader.readexactly(len(ANSWER)) == ANSWER
            await proxy.set(Fault.REFUSED)
            with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
                await reader.readexactly(1)
            with pytest.raises(ConnectionRefusedError):
                await ask(proxy)
            writer.close()

    asyncio.run(story())


def test_a_response_is_reset_midway() -> None:
    async def story() -> None:
        async with running_proxy() as proxy:
            await proxy.set(Fault.RESET)
            with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
                await ask(proxy)

    asyncio.run(story())


def test_a_half_open_connection_never_responds() -> None:
    async def story() -> None:
        async with running_proxy() as proxy:
            await proxy.set(Fault.HALF_OPEN)
            with pytest.raises(TimeoutError):
                await ask(proxy, seconds=0.05)

    asyncio.run(story())


def test_a_response_is_rewritten_completely() -> None:
    async def story() -> None:
        async with running_proxy() as proxy:
            await proxy.set(Fault.REWRITTEN, lambda message: with_body(message, b"HELLO"))
            answer = await ask(proxy)
            assert answer.endswith(b"\r\n\r\nHELLO")
            assert b"content-length: 5" in answer

    asyncio.run(story())


@pytest.mark.parametrize("early", [b"HTTP/1.1 200 OK\r\ncontent", b"the rest of a body"])
def test_a_response_that_ends_before_its_body_is_rewritten_as_it_is(early: bytes) -> None:
    async def story() -> None:
        async with running_proxy(early, closes=True) as proxy:
            await proxy.set(Fault.REWRITTEN, lambda message: message + b"!")
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
            writer.write(b"question")
            assert await asyncio.wait_for(reader.read(), 5) == early + b"!"
            writer.close()

    asyncio.run(story())


@pytest.mark.parametrize("fault", [Fault.REFUSED, Fault.RESET, Fault.HALF_OPEN])
def test_the_proxy_forwards_again_on_the_same_port(fault: Fault) -> None:
    async def story() -> None:
        async with running_proxy() as proxy:
            port = proxy.port
            await proxy.set(fault)
            await proxy.set(Fault.NONE)
            assert proxy.port == port
            assert await ask(proxy) == ANSWER

    asyncio.run(story())
