"""The contents of the page about the team's work."""

from datetime import UTC, date, datetime, timedelta
from typing import Final

from api.console.access import SignedIn
from api.console.team import queries
from api.console.team.simulator import simulate
from api.console.team.team_page import MONTHS, OVERDUE_DAYS, PERIOD_DAYS, TeamFigures, TeamView, team_view
from api.database import Database
from api.errors import Forbidden
from core import clock

ROLES: Final = ("admin", "lead_investigator")
SIMULATED_DAYS: Final = 28


class TeamWork:
    """The page about the team's work."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, signed_in: SignedIn, threshold_percent: int, capacity: int) -> TeamView:
        """The page with a simulation; raises `Forbidden` for other roles than lead investigator and administrator."""
        if signed_in.role not in ROLES:
            raise Forbidden(f"role {signed_in.role} does not see this page; a lead investigator or administrator does")
        now = clock.now()
        since = now - timedelta(days=PERIOD_DAYS)
        months = _months(now.date())
        first = datetime(months[0].year, months[0].month, 1, tzinfo=UTC)
        async with self._database.reading() as connection:
            scores = await queries.scores_since(connection, now - timedelta(days=SIMULATED_DAYS))
            figures = TeamFigures(
                findings=await queries.findings_since(connection, since),
                money=await queries.money_since(connection, first),
                workload=await queries.workload(connection, now - timedelta(days=OVERDUE_DAYS)),
                abrasion=await queries.abrasion_since(connection, since),
                suspended=await queries.suspended(connection),
                snoozed=await queries.snoozed(connection),
                simulated=simulate(scores, threshold_percent, capacity),
            )
        return team_view(figures, since=since.date(), months=months)


def _months(today: date) -> list[date]:
    """First days of the last months, the earliest first."""
    last = today.year * 12 + today.month - 1
    return [date(number // 12, number % 12 + 1, 1) for number in range(last - MONTHS + 1, last + 1)]
