"""Leads of claims in review, for tests."""

from collections.abc import Sequence
from datetime import UTC

from api.investigations import monday_of
from api.leads import ExpectedCents, Leads, ScoredLeadClaim, refresh
from core import clock
from tests.api.makers import MINIMAL, Api, answering


def expected_of(claims: Sequence[ScoredLeadClaim]) -> list[ExpectedCents]:
    """Expected recoverable of claims: probability × amount, within half and twice of it."""
    values = [round(one.probability * one.amount_cents) for one in claims]
    return [ExpectedCents(one, one // 2, 2 * one) for one in values]


async def refreshed(api: Api, *, capacity: int = 50) -> int:
    """Refresh leads once, as the worker does."""
    return await refresh(
        api.dependencies.database, expected_of, UTC, capacity=capacity, ranked_on=monday_of(clock.now().date())
    )


async def held(api: Api, **changes: object) -> str:
    """The id of a new claim that the score sends to review."""
    api.scorer.behaviour = answering(0.9)
    answer = await api.submit({**MINIMAL, **changes})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["claim_id"])


def leads_over(api: Api) -> Leads:
    own = api.dependencies
    return Leads(own.database, own.field_keys, UTC)
