"""Remittances of periods that follow one another: what changes later is reversed, and their sum is what is paid."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import psycopg
import pytest

from core import clock
from tests.api.decisions import DENY, RELEASE, REOPEN, approved, decide, held
from tests.api.makers import LINES, MINIMAL, Api, answering, running_api, says_nothing
from tests.api.test_remittances import PAYER, X12
from tests.api.test_rescoring import rescorer

BEGIN = datetime(2026, 3, 10, 12, tzinfo=UTC)
LEAD = "lead_investigator"
SKEW = timedelta(seconds=30)
"""Between the clocks of the database and the API."""


def at(day: int) -> datetime:
    """Noon of a day, from 0."""
    return BEGIN + timedelta(days=day)


def path(first: int, last: int, brought: str = "0") -> str:
    days = f"first_day={at(first).date()}&last_day={at(last).date()}"
    return f"/v1/remittances?provider_id=H456&{days}&balance_brought={brought}"


async def advice(api: Api, first: int, last: int, brought: str = "0") -> dict[str, Any]:
    response = await api.get(path(first, last, brought))
    assert response.status_code == 200, response.text
    return dict(response.json())


def shown(document: dict[str, Any]) -> list[tuple[str, str, float]]:
    return [(one["kind"], one["status"], one["payment"]["paid"]) for one in document["claims"]]


async def test_a_claim_that_is_voided_later_is_reversed_then_and_the_earlier_advice_stays(api: Api):
    with clock.held(at(0)):
        claim = await approved(api, LINES | {"service_from": "2026-03-01"})
    before = await advice(api, 0, 1)
    with clock.held(at(2)):
        assert (await api.post(f"/v1/claims/{claim['claim_id']}/void", b"")).status_code == 200
    assert await advice(api, 0, 1) == before
    later = await advice(api, 2, 3)
    assert shown(later) == [("reversal", "approved", -1300.0)]
    assert (later["paid"], later["balance_forward"]) == (0.0, 1300.0)
    for line in later["claims"][0]["payment"]["lines"]:
        adjusted = sum(Decimal(str(one["amount"])) for one in line["adjustments"])
        assert Decimal(str(line["billed"])) == Decimal(str(line["paid"])) + adjusted < 0
    assert (await advice(api, 0, 3))["claims"] == []


async def test_a_claim_that_is_voided_while_its_advice_is_read_stays_in_it(api: Api, monkeypatch: pytest.MonkeyPatch):
    """The void commits between the statement of what ended and that of what stands."""
    with clock.held(at(0)):
        claim = await approved(api, MINIMAL | {"service_from": "2026-03-01"})
    original = psycopg.AsyncCursor.execute
    voids = [f"UPDATE claims SET status_before_void = status, status = 'voided', voided_at = '{at(2)}'"]

    async def execute(cursor: Any, query: Any, *args: Any, **options: Any) -> Any:
        result = await original(cursor, query, *args, **options)
        if "earlier_decisions" in str(query) and voids:
            api.execute(f"{voids.pop()}, approved_cents = 0 WHERE claim_id = '{claim['claim_id']}'")
        return result

    with monkeypatch.context() as patched:
        patched.setattr(psycopg.AsyncCursor, "execute", execute)
        read = await advice(api, 0, 1)
    assert (voids, shown(read)) == ([], [("payment", "approved", 5000.0)])
    assert await advice(api, 0, 1) == read
    assert shown(await advice(api, 2, 3)) == [("reversal", "approved", -5000.0)]


async def test_a_claim_that_a_late_score_sends_to_review_is_reversed_when_the_score_arrives(api: Api):
    """No person decided it: the state ends by the clock of the database, not by that of the test."""
    api.scorer.behaviour = says_nothing
    cheap = MINIMAL | {"procedure_code": "P002", "claim_amount": 50, "service_from": "2026-03-01"}
    with clock.held(at(0)):
        claim_id = (await api.submit(cheap)).json()["claim_id"]
    before = await advice(api, 0, 0)
    assert shown(before) == [("payment", "approved", 50.0)]
    api.scorer.behaviour = answering(0.9)
    begins = clock.now()
    assert await rescorer(api).drain() == 1
    kept = "SELECT claim_id, status, approved_cents, decision_id, ended_at BETWEEN %s AND %s FROM earlier_decisions"
    assert api.rows(kept, begins - SKEW, clock.now() + SKEW) == [(claim_id, "approved", 50_00, None, True)]
    assert await advice(api, 0, 0) == before
    today = (clock.now() - BEGIN).days
    assert shown(await advice(api, today - 1, today + 1)) == [("reversal", "approved", -50.0)]
    await decide(api, claim_id, RELEASE)
    again = await advice(api, today - 1, today + 1)
    assert shown(again) == [("reversal", "approved", -50.0), ("payment", "approved", 50.0)]


async def test_a_correction_is_paid_beside_the_reversal_of_what_it_replaces(api: Api):
    with clock.held(at(0)):
        first = await approved(api, MINIMAL | {"service_from": "2026-03-01"})
    with clock.held(at(2)):
        changes = {"service_from": "2026-03-01", "claim_amount": 4000, "replaces": first["claim_id"]}
        second = await approved(api, MINIMAL | changes)
    document = await advice(api, 2, 2)
    assert [(one["claim_id"], one["payment"]["paid"]) for one in document["claims"]] == [
        (first["claim_id"], -5000.0),
        (second["claim_id"], 4000.0),
    ]
    assert (document["paid"], document["balance_forward"]) == (0.0, 1000.0)
    with clock.held(at(4)):
        days = {"service_from": "2026-03-12", "service_to": "2026-03-12"}
        await approved(api, LINES | days | {"lines": LINES["lines"][:1]})
    following = await advice(api, 3, 4, "1000.00")
    assert (following["balance_brought"], following["paid"], following["balance_forward"]) == (1000.0, 200.5, 0.0)


async def test_a_denial_that_is_reopened_and_paid_is_reversed_and_then_paid(api: Api):
    with clock.held(at(0)):
        claim_id = await held(api, MINIMAL | {"service_from": "2026-03-01"})
        assert (await decide(api, claim_id, DENY)).status_code == 201
    with clock.held(at(1)):
        assert (await decide(api, claim_id, REOPEN, role=LEAD)).status_code == 201
    with clock.held(at(2)):
        assert (await decide(api, claim_id, RELEASE)).status_code == 201
    assert shown(await advice(api, 0, 0)) == [("payment", "denied", 0.0)]
    assert shown(await advice(api, 1, 1)) == [("reversal", "denied", 0.0)]
    assert shown(await advice(api, 2, 2)) == [("payment", "approved", 5000.0)]
    assert shown(await advice(api, 0, 2)) == [("payment", "approved", 5000.0)]
    codes = [one["carc"] for one in (await advice(api, 1, 1))["claims"][0]["payment"]["lines"][0]["adjustments"]]
    assert codes == ["96"]


async def test_the_835_reverses_with_status_22_and_forwards_what_it_cannot_take_back(api: Api, seeded_url: str):
    with clock.held(at(0)):
        claim = await approved(api, LINES | {"service_from": "2026-03-01"})
    with clock.held(at(2)):
        await api.post(f"/v1/claims/{claim['claim_id']}/void", b"")
    async with running_api(seeded_url, **PAYER) as named:
        named.execute("UPDATE providers SET npi = '1234567893' WHERE provider_id = 'H456'")
        response = await named.client.get(path(2, 2, "100"), headers=named.as_("admin") | X12)
    reference = (await advice(api, 2, 2, "100"))["reference"]
    found = [one for one in response.text.split("~") if one.startswith(("BPR", "CLP", "SVC", "PLB"))]
    year = clock.now().year
    assert found == [
        f"BPR*H*0*C*NON************{clock.now():%Y%m%d}",
        f"CLP*{claim['claim_id']}*22*-1300.00*-1300.00**ZZ*{claim['claim_id']}",
        "SVC*HC:P001*-1200.50*-1200.50**1",
        "SVC*HC:P002*-99.50*-99.50**3",
        f"PLB*1234567893*{year}1231*FB:{reference}*100.00*FB:{reference}*-1400.00",
    ]


@pytest.mark.parametrize("sent", ["-1", "1.234", "x", "1e3"])
async def test_a_balance_is_an_amount_from_0(api: Api, sent: str):
    refused = await api.get(path(0, 0, sent))
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "balance_brought")


async def live(api: Api, chance: random.Random, day: int, claims: list[str]) -> None:
    """What happens to the provider's claims on a day."""
    service = (at(day) - timedelta(days=400 - 4 * len(claims))).date().isoformat()
    body = MINIMAL | {"service_from": service, "claim_amount": chance.randint(1_000, 5_000)}
    match chance.choice(("approve", "deny", "void", "correct", "reopen", "release")) if claims else "approve":
        case "approve":
            claims.append((await approved(api, body))["claim_id"])
        case "deny":
            claims.append(await held(api, body))
            await decide(api, claims[-1], DENY)
        case "void":
            await api.post(f"/v1/claims/{chance.choice(claims)}/void", b"")
        case "correct":
            earlier = chance.choice(claims)
            read = (await api.get(f"/v1/claims/{earlier}")).json()
            changes = {"service_from": read["service_from"], "replaces": earlier}
            answer = await approved(api, body | changes)
            claims += [answer["claim_id"]] if "claim_id" in answer else []
        case "reopen":
            await decide(api, chance.choice(claims), REOPEN, role=LEAD)
        case "release":
            await decide(api, chance.choice(claims), RELEASE)


async def chain(api: Api, cuts: Sequence[int]) -> tuple[Decimal, Decimal]:
    """The sum of the claims, and of what is paid less what is still forwarded, over periods that follow one another."""
    claims, paid, brought = Decimal(0), Decimal(0), "0"
    for first, until in pairwise(cuts):
        document = await advice(api, first, until - 1, brought)
        claims += sum(Decimal(str(one["payment"]["paid"])) for one in document["claims"])
        paid += Decimal(str(document["paid"]))
        brought = str(document["balance_forward"])
    return claims, paid - Decimal(brought)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_the_sum_of_all_remittances_is_what_is_paid_now_wherever_the_periods_begin(api: Api, seed: int):
    chance = random.Random(seed)
    claims: list[str] = []
    days = 12
    for day in range(days):
        with clock.held(at(day)):
            for _ in range(4):
                await live(api, chance, day, claims)
    stands = Decimal(api.rows("SELECT coalesce(sum(approved_cents), 0) FROM claims")[0][0]) / 100
    assert api.rows("SELECT count(*) > 2 FROM earlier_decisions") == [(True,)]
    for cuts in ([0, days], list(range(days + 1)), *(sorted({0, days, *chance.sample(range(days), 3)}) for _ in "abc")):
        assert await chain(api, cuts) == (stands, stands)
