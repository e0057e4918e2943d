"""Claims are received in one order, whatever the clocks of the hosts say."""

from datetime import datetime, timedelta

import pytest

from api.console.repository import latest_flagged
from api.intake.repository import MAX_CLOCK_LEAD
from core import clock
from tests.api.makers import MINIMAL, Api, answering
from tests.api.test_rescoring import rescorer, without_scorer

OTHER = MINIMAL | {"member_id": "M124", "procedure_code": "P002", "claim_amount": 50}


async def submit_at(api: Api, at: datetime, body: dict[str, object]) -> datetime:
    with clock.held(at):
        claim_id = (await api.submit(body)).json()["claim_id"]
    ((received_at,),) = api.rows(f"SELECT received_at FROM claims WHERE claim_id = '{claim_id}'")
    return received_at


@pytest.mark.parametrize(
    "behind",
    [timedelta(microseconds=1), timedelta(milliseconds=500), MAX_CLOCK_LEAD - timedelta(seconds=1)],
    ids=["a microsecond", "half a second", "almost an hour"],
)
async def test_a_claim_is_received_after_the_newest_one_though_its_host_is_behind(api: Api, behind: timedelta) -> None:
    now = clock.now()
    first = await submit_at(api, now, MINIMAL)
    second = await submit_at(api, now - behind, OTHER)
    assert first == now
    assert second == now + timedelta(microseconds=1)


async def test_a_clock_that_was_far_ahead_does_not_set_the_others(api: Api) -> None:
    now = clock.now()
    await submit_at(api, now + MAX_CLOCK_LEAD + timedelta(minutes=1), MINIMAL)
    assert await submit_at(api, now, OTHER) == now


async def test_a_superseded_assessment_is_not_listed_as_flagged_though_the_clock_was_set_back(api: Api) -> None:
    await without_scorer(api, 5_000.0)
    flagged = api.rows("SELECT flagged FROM assessments")
    api.scorer.behaviour = answering(0.01)
    with clock.held(clock.now() - timedelta(hours=1)):
        assert await rescorer(api).drain() == 1
    assert (flagged, api.rows("SELECT flagged FROM assessments WHERE supersedes IS NOT NULL")) == (
        [(True,)],
        [(False,)],
    )
    async with api.database.reading() as connection:
        assert await latest_flagged(connection, 10) == []
