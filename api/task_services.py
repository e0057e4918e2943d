"""What the handlers of tasks share in one process."""

from dataclasses import dataclass

from api.database import ALL_ROWS, Database, batch_limits, request_limits
from api.field_keys import FieldKeys
from api.intake import Intake, adjudication_policies, queue_of_members
from api.scorer import ScorerClient
from api.unconfirmed import UnconfirmedChanges
from api.windows import REFRESH_S, EntityWindows
from core.background import Background
from core.postgres import with_option
from core.settings import Settings, secret_text

_CONNECTIONS = 2
"""A process carries out one task at a time; windows are read beside it."""


@dataclass(frozen=True, slots=True)
class TaskServices:
    """The services of one process that carries out tasks."""

    settings: Settings
    database: Database
    keys: FieldKeys
    intake: Intake
    scorer: ScorerClient
    unconfirmed: UnconfirmedChanges
    windows: EntityWindows
    batches: Database
    """For tasks that read much: its statements may take `GINJA_DATABASE_BATCH_TIMEOUT_S`."""

    @classmethod
    def create(cls, settings: Settings, database_url: str) -> "TaskServices":
        """Create the services; connections are opened by the first task that needs one."""
        database_url = with_option(database_url, ALL_ROWS)
        database = Database(database_url, pool_size=_CONNECTIONS, limits=request_limits(settings))
        scorer = ScorerClient(
            settings.scorer_base_url,
            deadline_ms=settings.scorer_deadline_ms,
            hedge_after_ms=settings.scorer_hedge_after_ms,
            least_gain_present=settings.score_least_gain_present,
            token=secret_text(settings.scorer_token),
            ca_file=settings.scorer_ca_file,
        )
        unconfirmed = UnconfirmedChanges(database)
        windows = EntityWindows(database, scorer)
        keys = FieldKeys(settings, database_url)
        intake = Intake(
            database,
            scorer,
            adjudication_policies(settings),
            unconfirmed,
            queue_of_members(settings),
            windows,
            keys,
        )
        batches = Database(database_url, pool_size=1, limits=batch_limits(settings))
        return cls(settings, database, keys, intake, scorer, unconfirmed, windows, batches)

    async def start(self, background: Background) -> None:
        """Follow the models that serve, as the API does."""
        background.repeat("windows", self.windows.refresh, every_s=REFRESH_S)

    async def close(self) -> None:
        """Close every connection."""
        await self.unconfirmed.close()
        self.scorer.close()
        await self.batches.close()
        await self.database.close()
