"""How many requests each kind of sender may send: data, from the settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from api.identity import ROLES
from core.setting_types import parse_rate_limits

ADDRESS: Final = "address"
"""Of every request, by the address of the client."""
SESSION: Final = "session"
"""Of the console, by its session."""
_OTHER: Final = "other"
"""Of a role without a limit of its own."""
_DEFAULTS: Final[Mapping[str, tuple[int, int]]] = {
    ADDRESS: (240_000, 60),
    SESSION: (3_000, 60),
    "claims_system": (120_000, 60),
    "admin": (120_000, 60),
    _OTHER: (12_000, 60),
}
_LEASES: Final = 800
"""Parts of a quota: a process takes one at a time, so that four processes leave at most half a percent of it unused."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A quota of requests per window: a bucket of so many tokens that refills evenly over the window."""

    name: str
    quota: int
    window_s: int

    @property
    def lease(self) -> int:
        """Tokens that a process takes at a time."""
        return max(1, self.quota // _LEASES)

    @property
    def interval_us(self) -> float:
        """Microseconds in which one token is refilled."""
        return self.window_s * 1_000_000 / self.quota

    @property
    def header(self) -> str:
        """As an item of `RateLimit-Policy`."""
        return f'"{self.name}";q={self.quota};w={self.window_s}'


class RatePolicies:
    """The limits by what they are of."""

    def __init__(self, text: str) -> None:
        """`text` replaces defaults: `NAME=QUOTA/SECONDS`, separated by commas. Raises `ValueError`."""
        stated = {**_DEFAULTS, **parse_rate_limits(text)}
        names = {ADDRESS, SESSION, _OTHER, *ROLES}
        if unknown := sorted(set(stated) - names):
            raise ValueError(f"GINJA_RATE_LIMITS: {unknown[0]} must be one of {', '.join(sorted(names))}")
        self._limits = {name: RateLimit(name, *quota) for name, quota in stated.items()}
        self.of_address = self._limits[ADDRESS]
        self.of_session = self._limits[SESSION]

    def of_role(self, role: str) -> RateLimit:
        """The limit of each key and each user of a role."""
        return self._limits.get(role) or self._limits[_OTHER]
