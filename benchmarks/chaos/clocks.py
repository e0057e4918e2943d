"""Steps of the API's clock, by libfaketime: the real time calls of its process, an hour ahead or back.

Only the API's clock is set: PostgreSQL, scorer and worker keep theirs, as hosts of their own do. The monotonic clock
is left alone, as it is when a host's time is set.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cache
from pathlib import Path

from benchmarks.chaos.scenario import FaultEffect, FaultScenario, ServicesTarget

_PLACES = ("/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/lib/faketime/libfaketimeMT.so.1")
_NO_OFFSET = "+0"


def clock_faults() -> list[FaultScenario[ServicesTarget]]:
    """A step ahead, and one back."""
    steps = {"API's clock an hour back": "-3600", "API's clock an hour ahead": "+3600"}
    return [
        FaultScenario(name, _set_to(offset), FaultEffect.NONE, unavailable=faketime_unavailable)
        for name, offset in steps.items()
    ]


@cache
def _library() -> Path | None:
    root = Path("/")
    return next((found for place in _PLACES for found in root.glob(place.lstrip("/"))), None)


def faketime_unavailable() -> str | None:
    """Why a clock cannot be set here; `None`: it can."""
    return None if _library() is not None else "libfaketime is not installed (Debian: apt-get install libfaketime)"


def clock_environment(home: Path) -> dict[str, str]:
    """Environment of a process whose clock can be set; empty without libfaketime."""
    library = _library()
    if library is None:
        return {}
    _set(home, _NO_OFFSET)
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(_file(home)),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DONT_RESET": "1",
    }


def _file(home: Path) -> Path:
    return home / "run" / "api-clock"


def _set(home: Path, offset: str) -> None:
    draft = _file(home).with_suffix(".draft")
    draft.parent.mkdir(parents=True, exist_ok=True)
    draft.write_text(offset)
    draft.replace(_file(home))


def _set_to(offset: str) -> Callable[[ServicesTarget], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def inject(target: ServicesTarget) -> AsyncIterator[None]:
        _set(target.home, offset)
        try:
            yield
        finally:
            _set(target.home, _NO_OFFSET)

    return inject
