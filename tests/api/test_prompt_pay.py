"""The prompt-pay clock of claims in review: in answers, in the order of the list, and in the alarm before a breach."""

from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from api.prompt_pay import prompt_pay_clock
from api.reviews import PromptPayAlarm, due_claims
from core import clock
from core.errors import SettingsError
from core.settings import Settings
from tests.api.decisions import RELEASE, decide, held
from tests.api.makers import MINIMAL, Api, running_api

OTHER = MINIMAL | {"member_id": "M124", "claim_amount": 4000}


def clocked(api: Api, *, plan: str = "PL2", line: str = "commercial", state: str | None = "NY") -> None:
    code = "NULL" if state is None else f"'{state}'"
    api.execute(f"UPDATE plans SET line_of_business = '{line}', state_code = {code} WHERE plan_id = '{plan}'")


def received(api: Api, claim_id: str, days_ago: int) -> None:
    """Move the receipt of a claim, and the due date with it."""
    api.execute(
        f"UPDATE claims SET received_at = received_at - interval '{days_ago} days', pay_by = pay_by - {days_ago},"
        f" received_on = received_on - {days_ago}"
        f" WHERE claim_id = '{claim_id}'"
    )


def alarms() -> dict[str, float | None]:
    return {
        state: REGISTRY.get_sample_value("ginja_prompt_pay_claims", {"state": state})
        for state in ("overdue", "due_soon")
    }


async def test_a_claim_without_a_line_of_business_has_no_clock(api: Api):
    claim_id = await held(api)
    assert (await api.get(f"/v1/claims/{claim_id}")).json()["prompt_pay"] is None
    assert (await api.get(f"/v1/claims/{claim_id}/decisions")).json()["prompt_pay"] is None
    assert api.rows("SELECT line_of_business, state_code, pay_by FROM claims") == [(None, None, None)]


async def test_a_claim_in_review_shows_due_date_days_left_and_interest(api: Api):
    clocked(api)
    claim_id = await held(api)
    today = clock.now().date()
    shown = (await api.get(f"/v1/claims/{claim_id}", role="provider")).json()["prompt_pay"]
    assert shown == {
        "line_of_business": "commercial",
        "state_code": "NY",
        "due_on": str(today + timedelta(days=30)),
        "days_left": 30,
        "state": "on_time",
        "interest_amount": 0.0,
        "interest_percent": 12.0,
        "rate_published": True,
        "cites": "N.Y. Insurance Law 3224-a(a)",
    }
    received(api, claim_id, 40)
    for path in (f"/v1/claims/{claim_id}", f"/v1/claims/{claim_id}/decisions"):
        late = (await api.get(path)).json()["prompt_pay"]
        assert (late["days_left"], late["state"]) == (-10, "overdue")
        assert late["interest_amount"] == pytest.approx(5000 * 0.12 * 10 / 365, abs=0.05)
    await decide(api, claim_id, RELEASE)
    for path in (f"/v1/claims/{claim_id}", f"/v1/claims/{claim_id}/decisions"):
        assert (await api.get(path)).json()["prompt_pay"] is None


async def test_the_line_of_business_and_due_date_are_stored_and_listed(api: Api):
    clocked(api, line="medicare", state=None)
    claim_id = await held(api)
    assert api.rows("SELECT line_of_business, state_code, pay_by - received_at::date FROM claims") == [
        ("medicare", None, 30)
    ]
    listed = (await api.get("/v1/claims?status=in_review")).json()["claims"]
    assert [(one["claim_id"], one["prompt_pay"]["days_left"]) for one in listed] == [(claim_id, 30)]


async def test_a_claim_keeps_the_clock_of_its_receipt(api: Api):
    clocked(api)
    claim_id = await held(api)
    clocked(api, line="medicare", state=None)
    assert (await api.get(f"/v1/claims/{claim_id}")).json()["prompt_pay"]["state_code"] == "NY"


async def test_the_list_of_reviews_goes_by_due_date_and_leaves_no_claim_behind(api: Api):
    clocked(api)
    reviews = api.dependencies.reviews
    due_first, due_last = await held(api), await held(api, procedure_code="P002", claim_amount=900)
    old, new = await held(api, OTHER), await held(api, OTHER | {"procedure_code": "P002", "claim_amount": 900})
    for claim_id, days_ago in ((due_first, 29), (due_last, 2), (old, 20), (new, 0)):
        received(api, claim_id, days_ago)
    count, page = await reviews.queue(after=None, limit=50)
    assert count == 4
    assert [one.claim_id for one in page.items] == [due_first, old, due_last, new]
    assert [None if one.prompt_pay is None else one.prompt_pay.days_left for one in page.items] == [1, None, 28, None]
    place, seen = None, []
    for _ in range(4):
        _, part = await reviews.queue(after=place, limit=1)
        seen += [one.claim_id for one in part.items]
        place = part.next_place
    assert (seen, place) == ([due_first, old, due_last, new], None)


async def test_a_page_follows_a_claim_that_was_decided_meanwhile(api: Api):
    clocked(api)
    claims = [await held(api, claim_amount=5000 - number) for number in range(3)]
    for number, claim_id in enumerate(claims):
        received(api, claim_id, 10 - number)
    _, first = await api.dependencies.reviews.queue(after=None, limit=1)
    await decide(api, claims[0], RELEASE)
    _, rest = await api.dependencies.reviews.queue(after=first.next_place, limit=5)
    assert [one.claim_id for one in rest.items] == claims[1:]


async def test_the_list_reads_its_index(api: Api):
    (definition,) = api.rows("SELECT indexdef FROM pg_indexes WHERE indexname = 'claims_in_review_idx'")[0]
    assert "COALESCE(pay_by" in definition
    plan = api.rows(
        "EXPLAIN SELECT claim_id FROM claims WHERE status = 'in_review'"
        " ORDER BY COALESCE(pay_by, (received_at AT TIME ZONE 'UTC')::date + 30), received_at, claim_id LIMIT 50"
    )
    assert "Index" in "\n".join(line for (line,) in plan)
    assert "Sort" not in "\n".join(line for (line,) in plan)


async def test_the_alarm_sounds_before_a_breach_and_ends_with_the_decision(api: Api):
    clocked(api)
    near, late, far = [await held(api, claim_amount=5000 - number) for number in range(3)]
    received(api, near, 25)
    received(api, late, 31)
    received(api, far, 24)
    alarm = PromptPayAlarm(api.database, prompt_pay_clock(Settings()), Settings().zone)
    await alarm.check()
    assert alarms() == {"overdue": 1.0, "due_soon": 1.0}
    found = await due_claims(api.database, clock=prompt_pay_clock(Settings()), time_zone=Settings().zone)
    assert [(one.claim_id, one.days_left) for one in found] == [(late, -1), (near, 5)]
    for claim_id in (near, late):
        await decide(api, claim_id, RELEASE)
    await alarm.check()
    assert alarms() == {"overdue": 0.0, "due_soon": 0.0}


async def test_the_rules_of_a_file_replace_those_of_the_package(seeded_url: str, tmp_path: Path):
    path = tmp_path / "rules.toml"
    path.write_text(
        '[[rules]]\nline_of_business = "medicaid"\nstate = "TX"\nreceived_from = 2020-01-01\ndays = 12\n'
        'cites = "contract"\nrates = [{ from = 2020-01-01, percent = "18", cites = "contract" }]\n'
    )
    async with running_api(seeded_url, prompt_pay_rules=path) as api:
        clocked(api, line="medicaid", state="TX")
        claim_id = await held(api)
        assert (await api.get(f"/v1/claims/{claim_id}")).json()["prompt_pay"]["days_left"] == 12


@pytest.mark.parametrize("text", [None, "rules = []"])
def test_a_file_of_rules_that_cannot_be_read_ends_the_start(tmp_path: Path, text: str | None):
    path = tmp_path / "rules.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(SettingsError, match="GINJA_PROMPT_PAY_RULES"):
        prompt_pay_clock(Settings(prompt_pay_rules=path))


async def test_a_misspelled_line_of_business_is_refused_by_the_database(api: Api):
    with pytest.raises(Exception, match="plans_line_of_business_check"):
        clocked(api, line="comm")
    with pytest.raises(Exception, match="plans_state_code_check"):
        clocked(api, state="Ny")
