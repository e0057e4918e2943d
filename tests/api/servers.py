"""An application on a real port, for tests with a browser."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Literal

import uvicorn
from starlette.types import ASGIApp


@contextmanager
def on_a_port(app: ASGIApp, *, lifespan: Literal["auto", "off"] = "auto") -> Iterator[str]:
    """Serve `app` on a free port of the loopback address; gives its URL."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen()  # a client that is faster than the server waits, and is not refused
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan=lifespan))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    with closing(listening):
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
