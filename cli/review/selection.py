"""Which claims a week's list has, and what is expected of leads: connects the database to the learning loop."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from api.investigations import Choice, ScoredClaim
    from api.leads import ExpectedCents, LeadTools, ScoredLeadClaim
    from core.settings import Settings
    from models.recovery import ExpectedRecovery, RecoveryModel


def chooser(
    url: str, week: date, capacity: int, audit_share: float
) -> "Callable[[Sequence[ScoredClaim]], Sequence[Choice]]":
    """Chooses the list of a week: the claims of highest expected recovery, and a random audit of the others."""

    def choose(scored: "Sequence[ScoredClaim]") -> "Sequence[Choice]":
        import numpy as np

        from api.investigations import Choice
        from core.settings import settings
        from models.recovery import RecoveryCentre
        from pipelines.loop import recovery_of_findings, salt_of
        from pipelines.loop import select as chosen_of

        probabilities = np.array([claim.probability for claim in scored], dtype=np.float64)
        amounts_cents = np.array([claim.amount_cents for claim in scored], dtype=np.int64)
        model = recovery_of_findings(url, RecoveryCentre.of(probabilities, amounts_cents))
        peers = [claim.peers_cents for claim in scored]
        recovery = _expected(model, probabilities, amounts_cents, peers, settings().review_cost_cents)
        chosen = chosen_of(
            [claim.claim_id for claim in scored],
            probabilities,
            capacity=capacity,
            audit_share=audit_share,
            salt=f"{salt_of(settings().home)}:{week}",
            models=[claim.model_version for claim in scored],
            recovery_cents=recovery.cents,
        )
        return [
            Choice(
                one.claim_id,
                one.selected_by,
                one.propensity,
                *(round(float(cents[one.row])) for cents in (recovery.cents, recovery.low, recovery.high)),
            )
            for one in chosen
        ]

    return choose


def lead_tools(url: str, settings: "Settings") -> "LeadTools":
    """What the worker makes leads with; `url`: of the role that owns the tables.

    Expected recoverable is learned from the findings once a day, so that leads are not in another order every minute.
    """
    from api.leads import ExpectedCents, LeadTools
    from core import clock

    learned: dict[date, RecoveryModel] = {}

    def expected(claims: "Sequence[ScoredLeadClaim]") -> "list[ExpectedCents]":
        import numpy as np

        from models.recovery import RecoveryCentre
        from pipelines.loop import recovery_of_findings

        if not claims:
            return []
        probabilities = np.array([claim.probability for claim in claims], dtype=np.float64)
        amounts_cents = np.array([claim.amount_cents for claim in claims], dtype=np.int64)
        today = clock.now().date()
        if today not in learned:
            learned.clear()
            learned[today] = recovery_of_findings(url, RecoveryCentre.of(probabilities, amounts_cents))
        peers = [claim.peers_cents for claim in claims]
        found = _expected(learned[today], probabilities, amounts_cents, peers, settings.review_cost_cents)
        return [
            ExpectedCents(*(round(float(one)) for one in row))
            for row in zip(found.cents, found.low, found.high, strict=True)
        ]

    return LeadTools(expected, (lambda: make_list(url, settings)) if settings.review_capacity else None)


def make_list(url: str, settings: "Settings") -> None:
    """Make the list of the last complete week, unless there is one."""
    import asyncio
    from datetime import timedelta

    from api.database import Database
    from api.investigations import monday_of, select_week
    from core import clock

    week = monday_of(clock.now().date() - timedelta(days=7))

    async def make() -> None:
        database = Database(url, pool_size=1)
        try:
            await select_week(database, week, chooser(url, week, settings.review_capacity, settings.review_audit_share))
        finally:
            await database.close()

    asyncio.run(make())


def _expected(
    model: "RecoveryModel",
    probabilities: "NDArray[np.float64]",
    amounts_cents: "NDArray[np.int64]",
    peers_cents: Sequence[int | None],
    review_cents: int,
) -> "ExpectedRecovery":
    import numpy as np

    peers = np.array([np.nan if one is None else one for one in peers_cents], dtype=np.float64)
    return model.expected(probabilities, amounts_cents, peers, review_cents=review_cents)
