"""The contents of the page about the models: the scorer's report, and what the database has about them."""

from datetime import timedelta
from typing import Final

from api.console.access import SignedIn
from api.console.areas import may_see_models
from api.console.model import queries
from api.console.model.page import ModelView, model_view
from api.database import Database
from api.errors import Forbidden
from api.scorer import ScorerClient, ScorerFailure
from claims.model_report import ModelReport
from core import clock
from core.settings import Settings

DAYS: Final = 30
"""Days of the share decided by the rule."""


class ModelDesk:
    """The page about the models. It names no claim and no member."""

    def __init__(self, database: Database, scorer: ScorerClient, settings: Settings) -> None:
        self._database = database
        self._scorer = scorer
        url = settings.mlflow_url or ""
        self._mlflow = url if url.startswith(("https://", "http://")) else ""

    async def page(self, signed_in: SignedIn, feature: str) -> ModelView:
        """The page; without the scorer, what the database has. Raises `Forbidden` for other roles."""
        if not may_see_models(signed_in.caller):
            raise Forbidden(
                f"role {signed_in.role} does not see this page; a data scientist, lead investigator or admin does"
            )
        report: ModelReport | None = None
        unavailable = None
        try:
            report = await self._scorer.model_report()
        except ScorerFailure as failure:
            unavailable = f"{failure} ({failure.code})"
        today = clock.now().date()
        days = [today - timedelta(days=DAYS - 1 - number) for number in range(DAYS)]
        async with self._database.reading() as connection:
            decided = await queries.decided_by_day(connection, days)
            served = await queries.served_models(connection)
        return model_view(
            report, decided, served, days=days, feature=feature, unavailable=unavailable, mlflow=self._mlflow
        )
