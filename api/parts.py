"""What a running API is made of, put together once and handed to the routes."""

from dataclasses import dataclass

from starlette.requests import Request

from api.database import Database
from api.identity.service import Doorkeeper
from api.intake.service import Intake, Policies
from api.scoring.client import ScorerClient
from claims.decision import Policy
from claims.plausibility import PlausibilityPolicy
from claims.suspicion import SuspicionPolicy
from core.settings import Settings


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of one process."""

    settings: Settings
    database: Database
    door: Doorkeeper
    scorer: ScorerClient
    intake: Intake

    @classmethod
    def assemble(cls, settings: Settings, database_url: str) -> "Parts":
        """Make the parts; nothing is connected yet."""
        database = Database(database_url)
        scorer = ScorerClient(
            settings.scorer_base_url,
            deadline_ms=settings.scorer_deadline_ms,
            hedge_after_ms=settings.scorer_hedge_after_ms,
            least_gain_present=settings.score_least_gain_present,
        )
        policies = Policies(
            decision=Policy(settings.rule_approval_cap_cents, settings.score_complete_gain_present),
            plausibility=PlausibilityPolicy(
                auto_approval_cap_cents=settings.auto_approval_cap_cents,
                min_provider_claims=settings.min_provider_claims,
            ),
            suspicion=SuspicionPolicy(days=settings.suspicion_days, max_replacements=settings.max_replacements),
        )
        return cls(settings, database, Doorkeeper(database), scorer, Intake(database, scorer, policies))

    async def close(self) -> None:
        """Let go of connections."""
        self.scorer.close()
        await self.database.close()


def parts(request: Request) -> Parts:
    """The parts of the application that got this request."""
    found: Parts = request.app.state.parts
    return found
