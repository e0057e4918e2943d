"""Signals that end the program."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopSignals:
    """Within the block SIGINT, SIGTERM and SIGHUP end the program by an exception, so that what it owns is ended.

    SIGINT raises `KeyboardInterrupt`, also where a shell started the program with SIGINT ignored, as it does for `&`.
    The others raise `SystemExit` with 128 plus their number; a SIGHUP that `nohup` ignores stays ignored. Later signals
    do not interrupt the clean-up: they set `forced`.
    """

    def __init__(self) -> None:
        self.forced = threading.Event()
        """Set by the second signal: end at once."""
        self._ending = False
        self._previous: dict[int, object] = {}

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
                continue
            self._previous[number] = signal.signal(number, self._received)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def end(self) -> None:
        """Say that the clean-up begins: from now on signals only set `forced`."""
        self._ending = True

    def _received(self, number: int, _frame: FrameType | None) -> None:
        if self._ending:
            self.forced.set()
            return
        self._ending = True
        raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)


@contextmanager
def delayed_signals() -> Iterator[None]:
    """Within the block, which cleans up, a signal to stop is kept and raised again at its end. Main thread only."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []
    previous = {number: signal.getsignal(number) for number in _SIGNALS}
    for number, handler in previous.items():
        if callable(handler) or handler == signal.SIG_DFL:
            signal.signal(number, lambda number, _frame: received.append(number))
    try:
        yield
    finally:
        for number, handler in previous.items():
            if handler is not None:
                signal.signal(number, handler)
        for late in dict.fromkeys(received):
            signal.raise_signal(late)
