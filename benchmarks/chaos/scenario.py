"""What a fault is: how it is injected, and what the platform guarantees while it lasts."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Generic, TypeVar

from benchmarks.chaos.stream import ClaimStream
from benchmarks.chaos.watch import StateWatch
from benchmarks.proxy import Proxy
from benchmarks.stage import Stage
from core.supervision import Processes

T = TypeVar("T", bound="FaultTarget")
_STEADY_WITHIN_S = 120.0


class FaultEffect(StrEnum):
    """What the claims of a fault may see. In every case no claim is lost, and no response is a 500."""

    NONE = "none"
    """Decided by the model; by the rule at most while a process restarts."""
    DEGRADES = "degrades"
    """Decided by the rule; the breaker opens."""
    RULE = "rule"
    """Decided by the rule where features are missing."""
    REFUSES = "refuses"
    """Refused with 503 and Retry-After; not ready."""
    CONTAINED = "contained"
    """Refused with Retry-After for one member only; ready."""
    DOWN = "down"
    """Not answered until the platform is started again."""


@dataclass(slots=True, kw_only=True)
class FaultTarget:
    """A running platform with a stream of claims."""

    stage: Stage
    stream: ClaimStream
    watch: StateWatch
    others: set[str] = field(default_factory=set)
    """Claims that were stored before the stream began."""

    @property
    def home(self) -> Path:
        """The home of the platform."""
        return self.stage.home

    async def until_steady(self) -> None:
        """Wait until the platform is ready and its breaker closed, and decide what was left undecided."""
        await self.watch.until_ready(_STEADY_WITHIN_S, closed=True)
        await self.stream.resend_undecided()


@dataclass(slots=True, kw_only=True)
class ServicesTarget(FaultTarget):
    """Scorer, API and worker with a proxy on each connection that may fail; a supervisor restarts the servers."""

    processes: dict[str, Processes]
    to_scorer: Proxy
    scorer_to_store: Proxy
    worker_to_store: Proxy

    @property
    def scorer_pid(self) -> int:
        """Process id of the scorer's supervisor."""
        pid = self.processes["scorer"].pid("scorer")
        if pid is None:
            raise RuntimeError("the scorer does not run")
        return pid


def _available() -> str | None:
    return None


def _as_it_is(_target: FaultTarget) -> AbstractAsyncContextManager[None]:
    return nullcontext()


@dataclass(frozen=True, slots=True)
class FaultScenario(Generic[T]):
    """One temporary fault."""

    name: str
    inject: Callable[[T], AbstractAsyncContextManager[None]]
    """Entering begins the fault, leaving ends it."""
    effect: FaultEffect
    setting: Callable[[T], AbstractAsyncContextManager[None]] = _as_it_is
    """What has to be so before the fault and until its claims are counted; claims during the change do not count."""
    unavailable: Callable[[], str | None] = _available
    """Why the fault cannot be caused on this machine."""
