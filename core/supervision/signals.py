"""Signals that end the program."""

import signal
import threading
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
