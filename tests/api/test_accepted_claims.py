"""A claim that was acknowledged with 202 is decided as of its acceptance, whatever happens before its decision."""

from datetime import datetime, time, timedelta
from typing import Any

import pytest

from api.errors import ApiError, InternalError, MemberQueueFull, Unavailable
from api.prompt_pay import prompt_pay_clock
from api.remittances import remittance
from api.reviews import due_claims
from api.tasks import TASK_KINDS
from api.tasks.kinds import DECIDE_CLAIM
from api.tasks.runner import LONGEST_PAUSE_S, pause_during_outage
from core import clock
from tests.api.makers import Api, answering
from tests.api.tasks import carry_out, make_due, queued, state

MOST = TASK_KINDS[DECIDE_CLAIM].max_attempts


def midnight(api: Api) -> datetime:
    zone = api.dependencies.settings.zone
    return datetime.combine(clock.now().astimezone(zone).date() + timedelta(days=1), time(), zone)


async def decided_after_midnight(api: Api, *, probability: float = 0.9) -> tuple[datetime, str]:
    """A claim that was accepted before midnight and decided after it; as it is scored, for review."""
    at = midnight(api)
    api.scorer.behaviour = answering(probability)
    with clock.held(at - timedelta(seconds=10)):
        task_id = await queued(api)
    with clock.held(at + timedelta(seconds=10)):
        assert await carry_out(api, task_id)
    return at, (await state(api, task_id))["response"]["body"]["claim_id"]


async def test_a_claim_is_received_on_the_day_of_its_acceptance(api: Api):
    at, claim_id = await decided_after_midnight(api)
    accepted_on = (at - timedelta(days=1)).date()
    assert api.rows("SELECT received_on, service_from, service_to FROM claims") == [(accepted_on,) * 3]
    assert api.rows("SELECT received_at >= %s FROM claims", at) == [(True,)], "its place in the order is its decision's"
    assert (await api.get(f"/v1/claims/{claim_id}")).json()["service_from"] == str(accepted_on)


async def test_prompt_pay_runs_from_the_day_of_acceptance(api: Api):
    api.execute("UPDATE plans SET line_of_business = 'commercial', state_code = 'NY'")
    at, claim_id = await decided_after_midnight(api)
    due_on = at.date() - timedelta(days=1) + timedelta(days=30)
    assert api.rows("SELECT pay_by FROM claims") == [(due_on,)]
    settings = api.dependencies.settings
    with clock.held(at + timedelta(days=29)):
        for path in (f"/v1/claims/{claim_id}", f"/v1/claims/{claim_id}/decisions"):
            shown = (await api.get(path)).json()["prompt_pay"]
            assert (shown["due_on"], shown["days_left"]) == (str(due_on), 0)
        _, page = await api.dependencies.reviews.queue(after=None, limit=10)
        assert [one.prompt_pay.due_on for one in page.items if one.prompt_pay] == [due_on]
        (due,) = await due_claims(api.database, clock=prompt_pay_clock(settings), time_zone=settings.zone)
        assert due.due_on == due_on


async def test_the_835_states_the_day_of_acceptance(api: Api):
    at, claim_id = await decided_after_midnight(api, probability=0.01)
    settings = api.dependencies.settings
    with clock.held(at + timedelta(days=2)):
        advice = await remittance(api.database, None, "H456", at.date(), at.date(), settings.zone)
    assert [(one.claim_id, one.received_on) for _, one in advice.claims] == [(claim_id, at.date() - timedelta(days=1))]


async def test_a_claim_stored_without_a_day_of_receipt_has_that_of_its_place_in_the_order(api: Api):
    api.execute("UPDATE plans SET line_of_business = 'commercial', state_code = 'NY'")
    at, claim_id = await decided_after_midnight(api)
    api.execute("UPDATE claims SET received_on = NULL")
    with clock.held(at):
        shown = (await api.get(f"/v1/claims/{claim_id}")).json()["prompt_pay"]
    assert shown["due_on"] == str(at.date() + timedelta(days=30))


@pytest.mark.parametrize("change", ["revoked_at = now()", "expires_at = now()"])
async def test_a_claim_is_decided_although_its_key_ended_after_its_acceptance(api: Api, change: str):
    task_id = await queued(api)
    api.execute(f"UPDATE api_keys SET {change} WHERE role = 'claims_system'")
    assert await carry_out(api, task_id)
    assert (await state(api, task_id, role="admin"))["response"]["status"] == 201
    assert api.count("claims") == 1


async def test_attempts_do_not_count_while_the_database_fails(api: Api):
    task_id = await queued(api)
    api.execute("ALTER TABLE claims RENAME TO hidden_claims")
    for _ in range(MOST + 2):
        assert await carry_out(api, task_id)
        assert api.rows("SELECT state, attempts, due_at > now() FROM tasks") == [("queued", 0, True)]
        make_due(api)
    api.execute("ALTER TABLE hidden_claims RENAME TO claims")
    assert await carry_out(api, task_id)
    assert (await state(api, task_id))["response"]["status"] == 201


async def test_attempts_count_once_an_outage_lasts_too_long(api: Api):
    task_id = await queued(api)
    api.execute("ALTER TABLE claims RENAME TO hidden_claims")
    outage = TASK_KINDS[DECIDE_CLAIM].outage.total_seconds()
    for _ in range(MOST):
        api.execute(f"UPDATE tasks SET created_at = now() - interval '{outage} s', due_at = created_at")
        assert await carry_out(api, task_id)
    assert api.rows("SELECT state, attempts FROM tasks") == [("failed", MOST)]


@pytest.mark.parametrize(
    ("error", "counts"),
    [
        (Unavailable("the scorer is unavailable"), False),
        (MemberQueueFull("too many claims of the member"), False),
        (InternalError("a defect"), True),
    ],
)
async def test_only_an_attempt_that_something_unavailable_ends_does_not_count(
    api: Api, monkeypatch: pytest.MonkeyPatch, error: ApiError, counts: bool
):
    async def fails(*_args: Any, **_named: Any) -> None:
        raise error

    task_id = await queued(api)
    monkeypatch.setattr(api.dependencies.intake, "submit", fails)
    await carry_out(api, task_id)
    assert api.rows("SELECT state, attempts FROM tasks") == [("queued", int(counts))]


def test_pauses_of_an_outage_grow_with_the_age_of_the_task_up_to_a_longest_one():
    for age_s, longest in ((0, 1.0), (10, 5.0), (600, LONGEST_PAUSE_S)):
        pauses = [pause_during_outage(timedelta(seconds=age_s)).total_seconds() for _ in range(50)]
        assert longest / 2 <= min(pauses) < max(pauses) <= longest


async def test_a_claim_that_a_process_of_another_release_cannot_read_is_not_refused(api: Api):
    task_id = await queued(api)
    api.execute("""UPDATE tasks SET payload_sealed = NULL, payload = '{"field_of_another_release": 1}'""")
    assert await carry_out(api, task_id)
    assert api.rows("SELECT state, attempts, left(error, 7) FROM tasks") == [("queued", 1, "Invalid")]
