"""Paid claims of a provider, and samples of them at the stage that a route needs."""

from datetime import date, timedelta
from itertools import count
from typing import Any

from api import samples
from api.confirmation import Confirmation
from api.samples import ItemReview, OverpaymentReason, SampleDetails, SamplePlan
from core import clock
from tests.api.cases import ANN, LEA
from tests.api.makers import Api

FIRST_DAY, LAST_DAY = date(2026, 1, 1), date(2026, 6, 30)
_BY_CONSOLE = Confirmation(means="second factor", is_user=True)
_numbers = count(1)
_STAGES = ("reviews", "estimate", "demand", "letter", "entries")
"""Last parts of paths, in the order of what a sample needs before."""


def paid(api: Api, count: int = 60, *, provider_id: str = "H456", prefix: str = "paid") -> None:
    """Paid claims of 100.00, 101.00 and so on, with service on days of March."""
    api.execute(
        "INSERT INTO claims (claim_id, received_at, service_from, service_to, provider_id, amount_cents, status, "
        f"approved_cents, source) SELECT '{prefix}-' || n, now(), day, day, '{provider_id}', cents, 'approved', cents, "
        f"'api' FROM generate_series(1, {count}) AS n, LATERAL (SELECT date '2026-03-01' + n % 20 AS day, "
        "10000 + 100 * n AS cents) AS values"
    )


def full_reviews(sample: SampleDetails, every: int = 2) -> list[ItemReview]:
    """A review of each drawn claim: every second one should not have been paid."""
    return [
        ItemReview(one.claim_id, 0, OverpaymentReason.NOT_DOCUMENTED)
        if one.position % every == 0
        else ItemReview(one.claim_id, one.paid_cents, OverpaymentReason.CORRECT)
        for one in sample.items
    ]


def dates() -> dict[str, date]:
    """The days of a demand."""
    today = clock.now().date()
    return {"due_on": today + timedelta(days=30), "appeal_until": today + timedelta(days=60)}


async def sample_for(api: Api, case_id: str, path: str) -> str:
    """The id of a new sample of a case, at the stage that a path is about."""
    own = (api.dependencies.database, api.dependencies.field_keys)
    paid(api, 20, prefix=f"paid-{next(_numbers)}")
    plan = SamplePlan(FIRST_DAY, LAST_DAY, size=10, seed="2026-11-28/417")
    made = await samples.create_sample(*own, ANN, case_id, plan)
    sample_id = made.record.sample_id
    stage = path.rpartition("/")[2]
    reached = _STAGES.index(stage) if stage in _STAGES else 0
    if reached >= _STAGES.index("estimate"):
        await samples.record_reviews(*own, ANN, case_id, sample_id, full_reviews(made))
    if reached >= _STAGES.index("demand"):
        await samples.fix_estimate(*own, ANN, case_id, sample_id)
    if reached >= _STAGES.index("letter"):
        await samples.demand(*own, LEA, case_id, sample_id, **dates(), confirmation=_BY_CONSOLE)
    return sample_id


def sample_body(api: Api, path: str) -> dict[str, Any]:
    """The body of a request to a route of samples; a path without a sample draws one."""
    stage = path.rpartition("/")[2]
    if stage == "samples":
        paid(api, 20, prefix=f"paid-{next(_numbers)}")
        return {"first_day": FIRST_DAY.isoformat(), "last_day": LAST_DAY.isoformat(), "size": 10}
    if stage == "reviews":
        sample_id = path.split("/")[-2]
        rows = api.rows(f"SELECT claim_id FROM sample_items WHERE sample_id = '{sample_id}' AND position = 1")
        return {"items": [{"claim_id": rows[0][0], "correct_amount": "0.00", "reason": "not_documented"}]}
    if stage == "demand":
        return {name: day.isoformat() for name, day in dates().items()}
    return {"kind": "received", "amount": "1.00"} if stage == "entries" else {}
