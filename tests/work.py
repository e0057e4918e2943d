"""The work of a piece of code, counted rather than timed: lines of Python executed and memory allocated."""

import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

LINES_A_BYTE = 60
LINES = 20_000
MEMORY_A_BYTE = 400
MEMORY = 3_000_000


@dataclass
class Work:
    """What a block did: `lines` of Python executed, `peak` bytes allocated at most at one time."""

    lines: int = 0
    peak: int = 0

    def is_bounded(self, sent: int, usual: "Work | None" = None) -> bool:
        """Whether it is at most a constant, what is `usual`, and so much for each byte that was `sent`."""
        usual = usual or Work()
        return (
            self.lines <= LINES + 2 * usual.lines + LINES_A_BYTE * sent
            and self.peak <= MEMORY + 2 * usual.peak + MEMORY_A_BYTE * sent
        )


@contextmanager
def measured() -> Iterator[Work]:
    """Measure the block; the `Work` is filled in when it ends."""
    work = Work()

    def count(frame: FrameType, event: str, argument: Any) -> Any:
        work.lines += 1
        return count

    traced, before = tracemalloc.is_tracing(), sys.gettrace()
    if not traced:
        tracemalloc.start()
    tracemalloc.reset_peak()
    start, _ = tracemalloc.get_traced_memory()
    sys.settrace(count)
    try:
        yield work
    finally:
        sys.settrace(before)
        _, peak = tracemalloc.get_traced_memory()
        work.peak = peak - start
        if not traced:
            tracemalloc.stop()


BIG = 2_000
HOSTILE_TOKENS: dict[str, bytes] = {
    # JSON tokens, a few bytes or a few thousand of them
    "tiny": b"1E-30000000",
    "huge": b"1E+30000000",
    "zero with an exponent": b"0E30000000",
    "an exponent of many digits": b"1E" + b"9" * 30,
    "an integer of thousands of digits": b"9" * BIG,
    "a fraction of thousands of digits": b"0." + b"0" * BIG + b"1",
    "an exponent in text": b'"1E-30000000"',
    "spaces in text": b'"' + b" " * BIG + b'1"',
    "a long identifier": b'"' + b"a" * BIG + b'!"',
    "a date without end": b'"9999-12-31T23:59:59.999999+23:59"',
    "lone surrogates": b'"' + b"\\ud800" * (BIG // 6) + b'"',
    "lists in lists": b"[" * 300 + b"]" * 300,
    "a long list": b"[" + b",".join([b"1E-30000000"] * 150) + b"]",
    "a wide object": b"{" + b",".join(b'"k%d":1E-9999999' % n for n in range(150)) + b"}",
}
HOSTILE_TEXTS: dict[str, str] = {
    # what a form, a query, a path, a header or a cell of a file may hold
    "tiny": "1E-30000000",
    "digits": "9" * BIG,
    "a date": "2026-01-01" + "0" * BIG,
    "underscores": "1_" * (BIG // 2),
    "quotes": '"' + '\\"' * (BIG // 2) + '"',
    "separators": "a=b;" * (BIG // 4),
    "dots": "../" * (BIG // 3),
    "per cents": "%" * BIG,
}
