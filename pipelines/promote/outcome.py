"""The result of a change of champion, and who is accountable for a forced one."""

from dataclasses import dataclass

from pipelines.promote.errors import UnnamedForceError
from pipelines.promote.gates import Verdict


@dataclass(frozen=True, slots=True)
class Promotion:
    """A change of champion."""

    version: str
    previous: str | None
    verdicts: tuple[Verdict, ...]
    forced: bool
    alias_problem: str | None
    """What is wrong with MLflow's alias, if anything; the pointer, which decides, is set."""
    seconds: float

    def as_json(self) -> dict[str, object]:
        """The JSON form."""
        return {
            "version": self.version,
            "previous": self.previous,
            "verdicts": [verdict.as_json() for verdict in self.verdicts],
            "forced": self.forced,
            "alias_problem": self.alias_problem,
            "seconds": self.seconds,
        }


@dataclass(frozen=True, slots=True)
class Force:
    """A promotion that overrules the gates: who is accountable, and why. Raises `UnnamedForceError`."""

    by: str
    reason: str

    def __post_init__(self) -> None:
        if not self.by.strip() or not self.reason.strip():
            raise UnnamedForceError("a forced promotion requires --by NAME and --reason TEXT")


@dataclass(frozen=True, slots=True)
class UseChange:
    """A promotion that makes a home serve other claims than its champion: who is accountable, and why.

    Raises `UnnamedForceError`.
    """

    by: str
    reason: str

    def __post_init__(self) -> None:
        if not self.by.strip() or not self.reason.strip():
            raise UnnamedForceError("a change of the use requires --by NAME and --reason TEXT")
