"""A line of the page: what was found, what is normal, and where to read on."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

_RUNBOOKS: Final = "docs/operate/runbooks/"


class HealthCondition(Enum):
    """How a line stands."""

    NORMAL = "normal"
    ATTENTION = "attention"
    UNKNOWN = "unknown"
    """It could not be found out within the deadline."""


class Runbook(Enum):
    """Where what to do is written, as a path of the documentation."""

    SCORING = f"{_RUNBOOKS}scoring.md"
    FEATURES = f"{_RUNBOOKS}features.md"
    DATABASE = f"{_RUNBOOKS}database.md"
    WEBHOOKS = f"{_RUNBOOKS}webhooks.md"
    RESCREENING = "docs/guides/rescreening.md"
    TASKS = "docs/operate/supervision.md"
    NOTIFICATIONS = "docs/operate/notifications.md"
    SIZING = "docs/operate/sizing.md"
    TLS = "docs/operate/tls.md"
    KEYS = "docs/operate/keys.md"
    USERS = "docs/operate/users.md"
    AUDIT = "docs/operate/audit.md"


@dataclass(frozen=True, slots=True)
class HealthLine:
    """One line."""

    name: str
    found: str
    normal: str
    """What is normal."""
    condition: HealthCondition
    runbook: Runbook
    href: str = ""
    """Where in the console more is shown."""


def line(name: str, found: str, normal: str, runbook: Runbook, *, is_normal: bool, href: str = "") -> HealthLine:
    """A line whose value is known."""
    return HealthLine(
        name, found, normal, HealthCondition.NORMAL if is_normal else HealthCondition.ATTENTION, runbook, href
    )


def not_known(name: str, normal: str, runbook: Runbook, why: str) -> HealthLine:
    """A line whose value could not be found out."""
    return HealthLine(name, why, normal, HealthCondition.UNKNOWN, runbook)


def duration(seconds: float) -> str:
    """Seconds as they are read: in the two largest units."""
    whole = round(seconds)
    for size, name, below, smaller in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            count, rest = divmod(whole, size)
            part = rest // below
            return f"{count} {name} {part} {smaller}" if part else f"{count} {name}"
    return f"{whole} s"
