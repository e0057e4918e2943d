"""What became of a change of champion, and who answers for one that is forced."""

from dataclasses import asdict, dataclass
from typing import Any

from pipelines.promote.errors import UnnamedForceError
from pipelines.promote.gates import Verdict


@dataclass(frozen=True, slots=True)
class Outcome:
    """A change of champion."""

    version: str
    previous: str | None
    verdicts: tuple[Verdict, ...]
    forced: bool
    alias_problem: str | None
    """What is wrong with MLflow's alias, if anything; the pointer, which decides, is set."""
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Force:
    """A promotion against the gates: who answers for it, and why."""

    by: str
    reason: str

    def __post_init__(self) -> None:
        if not self.by.strip() or not self.reason.strip():
            raise UnnamedForceError("a forced promotion needs --by NAME and --reason TEXT: somebody answers for it")
