"""Where a process dies, and what it had reached by then."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum


class Side(Enum):
    """When the process dies."""

    BEFORE = "before"
    """What it was about to do does not happen."""
    AFTER = "after"
    """It happens, and the process does not live to see it."""


@dataclass(frozen=True, slots=True)
class CrashPoint:
    """One boundary of an operation, by its place among all that the process reaches, and the side on which it dies."""

    number: int
    side: Side


@dataclass(slots=True)
class Watch:
    """The boundaries of one process over all servers and files, from the moment it is armed."""

    point: CrashPoint | None = None
    """Where the process dies; `None`: it lives."""
    seen: list[str] = field(default_factory=list)
    armed: bool = False
    died: bool = False
    kill: Callable[[], None] = lambda: None

    def reach(self, boundary: str) -> Side | None:
        """Note a boundary; the side on which the process dies there, if it does."""
        if not self.armed or self.died:
            return None
        self.seen.append(boundary)
        if self.point is not None and self.point.number == len(self.seen):
            return self.point.side
        return None

    def die(self) -> None:
        """Kill the process; nothing that it sent later is forwarded."""
        self.died = True
        self.kill()
