"""Nothing that is logged can end its line or reach a terminal as a control character."""

import io
import json
import logging
from collections.abc import Callable, Iterator

import pytest

from core.logging import configure_logging, get_logger

HOSTILE = 'claim\n{"event": "forged"}\r\x1b[31m\x00\x7f\x85\x9b\u2028\u2029\ud800'
"""Ends of lines of ASCII and Unicode, escape sequences of terminals, NUL, and a lone surrogate."""


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    stream = io.StringIO()
    configure_logging("DEBUG", stream)
    yield stream
    root.handlers = handlers
    root.setLevel(level)


def raises(text: str) -> None:
    try:
        raise ValueError(text)
    except ValueError:
        get_logger("api").exception("failed")


@pytest.mark.parametrize(
    "log",
    [
        lambda text: get_logger("api").info(text),
        lambda text: get_logger("api").info("event", value=text),
        lambda text: get_logger("api").info("event", **{text: "name"}),
        lambda text: get_logger("api").info("event", value={text: [text, (text,)]}),
        lambda text: logging.getLogger("library").warning("value %s", text),
        lambda text: logging.getLogger(text).error("named"),
        lambda text: logging.getLogger("uvicorn.access").info('%s - "%s %s" %d', "a", "GET", text, 200),
        lambda text: logging.getLogger("uvicorn.error").warning(text),
        raises,
    ],
)
def test_each_event_is_one_printable_line(stream: io.StringIO, log: Callable[[str], None]) -> None:
    # What pytest keeps of a log goes to another process, to which a lone surrogate cannot be sent.
    root = logging.getLogger()
    root.handlers = [one for one in root.handlers if not type(one).__module__.startswith("_pytest")]
    log(HOSTILE)
    text = stream.getvalue()
    assert text.count("\n") == 1
    assert text.removesuffix("\n").isprintable()
    assert text.isascii()
    assert json.loads(text).get("event") != "forged"
