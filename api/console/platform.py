"""The pages about the platform itself rather than about claims: its health and its models."""

from dataclasses import dataclass
from typing import Self

from api.console.health import PlatformHealth
from api.console.model import ModelDesk
from api.database import Database
from api.health.probe import WriteProbe
from api.rate_limits import RateLimits
from api.scorer import ScorerClient
from core.settings import Settings


@dataclass(frozen=True, slots=True)
class PlatformDesks:
    """What these pages read."""

    health: PlatformHealth
    models: ModelDesk

    @classmethod
    def of(
        cls, database: Database, scorer: ScorerClient, settings: Settings, probe: WriteProbe, limits: RateLimits
    ) -> Self:
        """The contents of the pages of one process."""
        return cls(PlatformHealth(database, scorer, settings, probe, limits), ModelDesk(database, scorer, settings))
