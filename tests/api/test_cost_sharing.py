"""Payment line by line through the API: cost sharing, fees and other payers, spent and given back in the database."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from api.code_tables import COMMITTED_WITHIN
from cli.main import main
from core import clock
from tests.api.decisions import DENY, RELEASE, REOPEN, approved, decide, held
from tests.api.makers import MINIMAL, Api, until_taken

DAY = {"service_from": "2026-03-02"}
HEADER = "plan_id,first_day,deductible,copay,coinsurance_percent,out_of_pocket_maximum,benefit_limit,year_begins_month"


@pytest.fixture
def ginja(api: Api, tmp_path: Path):
    def run(*words: str, file: str, code: int = 0) -> dict[str, object] | str:
        path = tmp_path / "file.csv"
        path.write_text(file)
        environment = {"GINJA_DATABASE_URL": api.url, "GINJA_HOME": str(tmp_path)}
        result = CliRunner().invoke(main, [*words, str(path), "--json"], env=environment)
        assert result.exit_code == code, result.output
        return json.loads(result.stdout.splitlines()[-1]) if result.stdout else result.stderr

    return run


@pytest.fixture
def plan(ginja):
    """Cost sharing of the plans PL1 (members M124, M125) and PL2 (M123)."""

    async def load(
        *, deductible="0", copay="0", percent="0", maximum="", limit="", month="1", of="PL2", first_day="2026-01-01"
    ) -> None:
        row = f"{of},{first_day},{deductible},{copay},{percent},{maximum},{limit},{month}"
        await asyncio.to_thread(ginja, "data", "ingest", "plans", file=f"{HEADER}\n{row}\n")

    return load


async def submit(api: Api, **changes) -> dict:
    response = await api.submit(MINIMAL | DAY | changes)
    assert response.status_code == 201, response.text
    return response.json()


def shared(api: Api, claim_id: str):
    statement = "SELECT status, approved_cents, deductible_cents, out_of_pocket_cents FROM claims WHERE claim_id = %s"
    return api.rows(statement, claim_id)[0]


async def test_the_answer_itemizes_each_line_and_reading_the_claim_gives_the_same(api: Api, plan):
    await plan(deductible="1000", copay="50", percent="20", maximum="1500")
    lines = [{"procedure_code": "P001", "amount": 3000}, {"procedure_code": "P002", "amount": 40}]
    body = {"member_id": "M123", "provider_id": "H456", "diagnosis_code": "D001", "lines": lines, **DAY}
    answer = (await api.submit(body)).json()
    assert (answer["status"], answer["approved_amount"]) == ("approved", 1592.0)
    payment = answer["payment"]
    first, second = payment["lines"]
    assert [(one["group"], one["carc"], one["amount"]) for one in first["adjustments"]] == [
        ("PR", "1", 1000.0),
        ("PR", "3", 50.0),
        ("PR", "2", 390.0),
    ]
    assert (second["coinsurance"], second["paid"], second["member_responsibility"]) == (8.0, 32.0, 8.0)
    assert (payment["billed"], payment["paid"], payment["member_responsibility"]) == (3040.0, 1592.0, 1448.0)
    assert (payment["plan_id"], payment["terms_from"]) == ("PL2", "2026-01-01")
    assert shared(api, answer["claim_id"]) == ("approved", 1592_00, 1000_00, 1448_00)
    assert (await api.get(f"/v1/claims/{answer['claim_id']}")).json() == answer


async def test_a_plan_without_cost_sharing_pays_as_before_and_is_not_itemized(api: Api):
    answer = await submit(api)
    assert (answer["status"], answer["approved_amount"], answer["payment"]) == ("approved", 5000.0, None)
    assert api.rows("SELECT payment, deductible_cents, out_of_pocket_cents FROM claims") == [(None, 0, 0)]


async def test_a_claim_whose_deductible_takes_all_is_approved_and_pays_nothing(api: Api, plan):
    await plan(deductible="9000")
    answer = await submit(api)
    assert (answer["status"], answer["approved_amount"]) == ("approved", 0)
    assert answer["payment"]["member_responsibility"] == 5000.0


async def test_claims_that_race_for_a_deductible_count_it_once(api: Api, plan):
    """On the real database: sixty claims of 500.00, three providers, a deductible of 4,321.09."""
    await plan(deductible="4321.09", percent="10", maximum="5000")
    few = asyncio.Semaphore(12)

    async def one(number: int) -> dict:
        body = MINIMAL | {
            "claim_amount": 500,
            "procedure_code": "P001",
            "provider_id": ("H456", "H457")[number % 2],
            "service_from": f"2026-{1 + number // 20:02}-{1 + number % 20:02}",
        }
        async with few:
            response = await until_taken(lambda: api.submit(body))
        assert response.status_code == 201, response.text
        return response.json()

    await asyncio.gather(*map(one, range(60)))
    status = "SELECT count(*), sum(deductible_cents), sum(out_of_pocket_cents), sum(approved_cents) FROM claims"
    count, deductible, out_of_pocket, paid = api.rows(f"{status} WHERE status = 'approved'")[0]
    assert count == 60
    assert (deductible, out_of_pocket) == (4321_09, 5000_00)
    assert paid == 60 * 500_00 - 5000_00


async def test_a_void_and_a_correction_give_the_deductible_back(api: Api, plan):
    await plan(deductible="3000")
    first = await submit(api)
    assert first["payment"]["deductible"] == 3000.0
    corrected = await submit(api, claim_amount=4000, replaces=first["claim_id"])
    assert (corrected["payment"]["deductible"], corrected["approved_amount"]) == (3000.0, 1000.0)
    voided = (await api.post(f"/v1/claims/{corrected['claim_id']}/void", b"")).json()
    assert (voided["payment"], shared(api, voided["claim_id"])) == (None, ("voided", 0, 0, 0))
    again = await submit(api, service_from="2026-05-02")
    assert again["payment"]["deductible"] == 3000.0


async def test_a_deductible_is_of_the_plan_year_of_the_service(api: Api, plan):
    await plan(deductible="3000", month="7", first_day="2024-01-01")
    days = {"2026-02-02": 3000.0, "2025-08-02": 0.0, "2025-06-30": 3000.0}
    found = {day: (await submit(api, service_from=day))["payment"]["deductible"] for day in days}
    assert found == days


async def test_terms_are_those_of_the_day_of_service(api: Api, plan):
    await plan(copay="10", first_day="2026-01-01")
    await plan(copay="20", first_day="2026-04-01")
    days = {"2025-12-31": None, "2026-03-31": 10.0, "2026-04-01": 20.0}
    found = {}
    for day in days:
        payment = (await submit(api, service_from=day))["payment"]
        found[day] = payment and payment["copay"]
    assert found == days


async def test_a_claim_in_review_counts_only_when_it_is_released_and_by_what_is_left_then(api: Api, plan):
    await plan(deductible="3000")
    claim_id = await held(api, MINIMAL | DAY)
    assert shared(api, claim_id) == ("in_review", 0, 0, 0)
    assert (await api.get(f"/v1/claims/{claim_id}")).json()["payment"] is None
    other = await approved(api, MINIMAL | {"service_from": "2026-05-02", "claim_amount": 2000, "provider_id": "H457"})
    assert other["payment"]["deductible"] == 2000.0
    released = (await decide(api, claim_id, RELEASE)).json()
    assert (released["outcome"], released["pays_amount"]) == ("approved", 4000.0)
    assert shared(api, claim_id) == ("approved", 4000_00, 1000_00, 1000_00)
    assert (await decide(api, claim_id, REOPEN, role="lead_investigator")).status_code == 201
    assert shared(api, claim_id) == ("in_review", 0, 0, 0)
    assert (await decide(api, claim_id, DENY)).status_code == 201
    answer = (await api.get(f"/v1/claims/{claim_id}")).json()
    (line,) = answer["payment"]["lines"]
    assert (answer["status"], line["allowed"], line["paid"]) == ("denied", 0, 0)
    assert [(one["group"], one["carc"], one["rarc"], one["amount"]) for one in line["adjustments"]] == [
        ("PR", "96", "N10", 5000.0)
    ]


async def test_a_reviewer_pays_less_with_the_code_of_the_reason(api: Api, plan):
    await plan(deductible="1000")
    claim_id = await held(api, MINIMAL | DAY)
    reduced = {"action": "pay_reduced", "reason": "units_not_supported", "amount": "1500.50"}
    assert (await decide(api, claim_id, reduced)).json()["outcome"] == "partially_approved"
    payment = (await api.get(f"/v1/claims/{claim_id}")).json()["payment"]
    found = {f"{one['group']}-{one['carc']}": one["amount"] for one in payment["lines"][0]["adjustments"]}
    assert (found, payment["paid"]) == ({"PR-1": 1000.0, "CO-151": 2499.5}, 1500.5)


async def test_a_proposal_to_release_is_refused_once_the_cost_sharing_has_changed(api: Api, plan):
    await plan(deductible="3000")
    claim_id = await held(api, MINIMAL | DAY | {"claim_amount": "5000.01"})
    assert (await decide(api, claim_id, RELEASE)).json()["effect"] == "proposed"
    await approved(api, MINIMAL | {"service_from": "2026-05-02", "claim_amount": 2000, "provider_id": "H457"})
    approval = await decide(api, claim_id, {"action": "approve", "reason": "proposal_agreed"}, role="lead_investigator")
    assert approval.status_code == 409
    assert "cost sharing has changed" in approval.json()["detail"]


async def test_the_benefit_limit_comes_after_cost_sharing_and_explains_itself(api: Api, plan):
    await plan(of="PL1", deductible="1000", limit="3000")
    answer = await submit(api, member_id="M124")
    assert (answer["status"], answer["approved_amount"]) == ("partially_approved", 3000.0)
    adjustments = [(one["carc"], one["rarc"], one["amount"]) for one in answer["payment"]["lines"][0]["adjustments"]]
    assert adjustments == [("1", None, 1000.0), ("119", "N130", 1000.0)]
    exhausted = await submit(api, member_id="M124", service_from="2026-05-02")
    assert (exhausted["status"], exhausted["payment"]["allowed"]) == ("rejected", 0)


async def test_the_payer_pays_at_most_the_rest_of_what_another_payer_paid(api: Api):
    answer = await submit(api, other_payer_paid="4100.25")
    assert (answer["status"], answer["approved_amount"]) == ("approved", 899.75)
    assert answer["payment"]["other_payer"] == 4100.25
    refused = await api.submit(MINIMAL | DAY | {"other_payer_paid": "5000.01"})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "other_payer_paid"


async def test_a_fee_in_force_on_the_day_and_known_at_receipt_limits_what_is_allowed(api: Api, plan, ginja):
    await plan()
    at = clock.now()

    async def load(kind: str, text: str, release: str) -> None:
        words = ("reference", "import", kind, "--release", release)
        await asyncio.to_thread(ginja, *words, file=text)

    with clock.held(at):
        await load("fees", "procedure,modifier,amount\nP001,,2000.50\nP001,26,700\n", "2026Q1")
        assert (await submit(api))["approved_amount"] == 5000.0
    with clock.held(at + COMMITTED_WITHIN):
        answer = await submit(api, claim_amount=5001, service_from="2026-03-03")
        (line,) = answer["payment"]["lines"]
        assert (line["allowed"], line["contractual_reduction"], line["price_source"]) == (
            2000.5,
            3000.5,
            "fee_schedule",
        )
        assert line["price_cites"] == "fees 2026Q1 P001"
        assert (await submit(api, claim_amount=5002, service_from="2025-12-31"))["approved_amount"] == 5002.0
        line = {"procedure_code": "P001", "amount": 5003, "modifiers": ["26"], "service_date": "2026-03-04"}
        body = {"member_id": "M123", "provider_id": "H456", "diagnosis_code": "D001", "lines": [line]}
        assert (await api.submit(body)).json()["approved_amount"] == 700.0
        await load("contracts", "provider_id,procedure,amount_cents\nH457,P001,210000\n", "2026Q1")
    with clock.held(at + timedelta(minutes=1)):
        other = await submit(api, claim_amount=5004, provider_id="H457")
        assert (other["approved_amount"], other["payment"]["lines"][0]["price_source"]) == (2100.0, "contract")
        assert (await submit(api, claim_amount=5005, service_from="2026-03-05"))["approved_amount"] == 2000.5


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        ("fees", "procedure,amount\nP001,12.345\n", "at most two decimal places"),
        ("fees", "procedure,amount\nP001,-1\n", "must be from 0"),
        ("fees", "procedure,modifier,amount\nP001,2,1\n", "two letters or digits"),
        ("fees", "procedure,amount,first_day,last_day\nP001,1,2026-02-01,2026-01-01\n", "before first_day"),
        ("fees", "procedure\nP001\n", "no heading"),
        ("contracts", "procedure,amount\nP001,1\n", "no heading"),
    ],
)
async def test_an_invalid_price_refuses_the_file_and_says_why(api: Api, ginja, kind, text, reason):
    words = ("reference", "import", kind, "--release", "2026Q1")
    assert reason in str(await asyncio.to_thread(lambda: ginja(*words, file=text, code=2)))
    assert api.count("code_table_imports") == 0


async def test_a_service_in_the_waiting_period_is_denied_by_the_contract_and_the_member_bears_it(api: Api, ginja):
    def load(days: int) -> None:
        ginja("data", "ingest", "plans", file=f"plan_id,first_day,waiting_days\nPL2,2026-01-01,{days}\n")

    await asyncio.to_thread(load, 3_650)
    denied = await submit(api)
    assert (denied["status"], denied["approved_amount"]) == ("rejected", 0)
    cites = {one["code"]: one.get("cites") for one in denied["reasons"] if one["source"] == "edit"}
    assert cites == {"waiting_period": "plans/PL2 waiting_days, terms from 2026-01-01"}
    (line,) = denied["payment"]["lines"]
    assert [(one["group"], one["carc"], one["amount"]) for one in line["adjustments"]] == [("PR", "179", 5000.0)]
    await asyncio.to_thread(load, 30)
    assert (await submit(api))["status"] == "approved"


@pytest.mark.parametrize(("days", "code"), [("0", 0), ("3650", 0), ("3651", 2), ("-1", 2), ("1.5", 2), ("٣", 2)])
async def test_a_waiting_period_has_at_most_ten_years(api: Api, ginja, days, code):
    def load() -> object:
        file = f"plan_id,first_day,waiting_days\nPL2,2026-01-01,{days}\n"
        return ginja("data", "ingest", "plans", file=file, code=code)

    said = await asyncio.to_thread(load)
    assert code == 0 or "write 0 to 3650" in str(said)
    assert api.count("plan_cost_sharing") == (code == 0)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("PL2,2026-02-30,,,,,,", "not one of the calendar"),
        ("PL2,,,,,,,", "the day is missing"),
        ("PL2,2026-01-01,1.234,,,,,", "at most two decimal places"),
        ("PL2,2026-01-01,-1,,,,,", "negative"),
        ("PL2,2026-01-01,,,100.001,,,", "0 to 100"),
        ("PL2,2026-01-01,,,,,,13", "no month"),
        ("PL2,2026-01-01,,,,,,\nPL2,2026-01-01,,,,,,", "earlier row"),
    ],
)
async def test_an_invalid_plan_refuses_the_file_and_says_why(api: Api, ginja, row, reason):
    def refused() -> str:
        return str(ginja("data", "ingest", "plans", file=f"{HEADER}\n{row}\n", code=2))

    assert reason in await asyncio.to_thread(refused)
    assert api.count("plan_cost_sharing") == 0


async def statements(api: Api, body: dict) -> int:
    """Round trips to the database while a claim is decided: batches sent to it."""
    from api.database import Pipelined

    sent = 0
    own = Pipelined.fetch

    async def counted(self, *queries):
        nonlocal sent
        sent += 1
        return await own(self, *queries)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Pipelined, "fetch", counted)
        response: httpx.Response = await api.submit(body)
    assert response.status_code == 201
    return sent


async def test_cost_sharing_adds_no_round_trip(api: Api, plan):
    await submit(api, service_from="2026-01-02")  # the first claim reads more
    without = await statements(api, MINIMAL | DAY)
    await plan(deductible="100")
    assert await statements(api, MINIMAL | DAY | {"claim_amount": 5001}) == without
