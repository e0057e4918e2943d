"""What an attack is, and what is noted of each attempt."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum

from benchmarks.security.scene import AttackScene


class AttackClass(Enum):
    """The kinds of attack."""

    OBJECTS = "objects of others"
    FUNCTIONS = "functions of others"
    ASSIGNMENT = "mass assignment"
    SQL = "SQL injection"
    FORMULAS = "formula injection"
    PATHS = "path traversal"
    RECEIVERS = "webhook SSRF"
    FRAMING = "request smuggling"
    EXHAUSTION = "resource exhaustion"
    FORGERY = "cross-site requests"
    FIXATION = "session fixation"
    EMBEDDING = "clickjacking"
    SCRIPTS = "cross-site scripting"
    TOKENS = "forged tokens"
    SIGNATURES = "copied and changed signatures"
    DISCLOSURE = "disclosure"
    PASSIVE = "passive scan"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of an attack."""

    attack: AttackClass
    name: str
    blocked: bool
    observed: str
    """What the platform answered; shown where it was not blocked."""


Attack = Callable[[AttackScene], Iterator[Attempt]]
