"""Prior authorization through the API: records, files, and the units that claims use and give back."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from cli.main import main
from core import clock
from tests.api.decisions import DENY, decide, held
from tests.api.makers import MINIMAL, Api, answering, until_taken
from tests.api.test_registry_concurrency import PausedScorer
from tests.formats.fhir_claims import fhir_claim
from tests.formats.x12_files import claim as x12_claim
from tests.formats.x12_files import file_of

DAY = "2026-03-02"
REQUIRED = "plan_id,procedures,first_day,last_day,places_of_service,above_amount\nPL2,P001,2026-01-01,,,\n"
AUTHORIZATION: dict[str, Any] = {
    "authorization_number": "A-1",
    "member_id": "M123",
    "procedures": ["P001"],
    "first_day": "2026-01-01",
    "state": "approved",
}
Load = Callable[..., Awaitable[Any]]


@pytest.fixture
def load(api: Api, tmp_path: Path) -> Load:
    """Load a file of requirements or authorizations."""

    def run(kind: str, content: str, code: int, options: tuple[str, ...]) -> Any:
        path = tmp_path / f"{kind}.csv"
        path.write_text(content)
        environment = {"GINJA_DATABASE_URL": api.url, "GINJA_HOME": str(tmp_path)}
        result = CliRunner().invoke(main, ["data", "ingest", kind, str(path), "--json", *options], env=environment)
        assert result.exit_code == code, result.output
        return json.loads(result.stdout) if code == 0 else result.stderr

    async def loaded(kind: str, content: str, *options: str, code: int = 0) -> Any:
        return await asyncio.to_thread(run, kind, content, code, options)

    return loaded


@pytest.fixture
async def required(load: Load) -> None:
    """The plan PL2 (member M123) requires prior authorization for P001."""
    assert await load("requirements", REQUIRED) == {"plans": 1, "requirements": 1, "stored": True}


async def authorize(api: Api, **changes: Any) -> dict[str, Any]:
    made = await api.post("/v1/authorizations", AUTHORIZATION | changes)
    assert made.status_code == 201, made.text
    return dict(made.json())


async def submit(api: Api, number: str | None = "A-1", **changes: Any) -> dict[str, Any]:
    body = MINIMAL | {"service_from": DAY} | ({} if number is None else {"authorization_number": number}) | changes
    response = await api.submit(body)
    assert response.status_code == 201, response.text
    return dict(response.json())


async def left(api: Api, number: str = "A-1") -> tuple[int, int, int | None]:
    use = (await api.get(f"/v1/authorizations/{number}/use")).json()
    return use["used"], use["reserved"], use["left"]


def codes(answer: dict[str, Any]) -> list[str]:
    return [one["code"] for one in answer["reasons"] if one["code"].startswith("authorization_")]


async def test_an_authorization_is_created_read_listed_changed_and_ended(api: Api):
    made = await api.post("/v1/authorizations", AUTHORIZATION | {"units": 3, "procedures": ["97110..97140", "P001"]})
    assert (made.status_code, made.headers["location"]) == (201, "/v1/authorizations/A-1")
    read = await api.get("/v1/authorizations/A-1")
    assert (read.json(), read.headers["etag"]) == (made.json(), made.headers["etag"])
    assert read.json()["procedures"] == ["97110..97140", "P001"]
    again = await api.post("/v1/authorizations", AUTHORIZATION)
    assert (again.status_code, "exists already" in again.json()["detail"]) == (409, True)
    before = clock.now()
    stated = {name: value for name, value in AUTHORIZATION.items() if name not in ("authorization_number", "member_id")}
    headers = {"Content-Type": "application/json", **api.as_("admin")}
    for tag, status in ((made.headers["etag"], 200), (made.headers["etag"], 412)):
        content = json.dumps(stated | {"state": "cancelled"}).encode()
        url = "/v1/authorizations/A-1"
        answer = await api.client.put(url, content=content, headers=headers | {"If-Match": tag})
        assert answer.status_code == status, answer.text
    assert (await api.get("/v1/authorizations/A-1")).json()["state"] == "cancelled"
    known_at = before.isoformat().replace("+00:00", "Z")
    assert (await api.get(f"/v1/authorizations/A-1?known_at={known_at}")).json() == made.json()
    ended = await api.post("/v1/authorizations/A-1/end", {"last_day": "2026-06-30", "reason": "moved"})
    assert (ended.status_code, ended.json()["last_day"]) == (200, "2026-06-30")
    assert (await api.post("/v1/authorizations/A-1/end", {"last_day": "2026-07-30", "reason": "x"})).status_code == 409
    changes = "starts_with(act, 'authorization.') AND act <> 'authorization.read'"
    acts = api.rows(f"SELECT act, details ->> 'subject' FROM audit_log WHERE {changes} ORDER BY audit_id")
    assert acts == [(f"authorization.{act}", "authorizations/A-1") for act in ("create", "update", "end")]


async def test_lists_are_paged_by_number_and_filtered(api: Api):
    for number in range(5):
        await authorize(api, authorization_number=f"N{number}", provider_id=("H456", None)[number % 2])
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await api.get(f"/v1/authorizations?limit=2{cursor and f'&cursor={cursor}'}")).json()
        seen += [one["authorization_number"] for one in page["authorizations"]]
        cursor = page["next_cursor"]
    assert seen == [f"N{number}" for number in range(5)]
    for query, count in (("provider_id=H456", 3), ("member_id=M124", 0), ("state=approved", 5), ("state=denied", 0)):
        assert len((await api.get(f"/v1/authorizations?{query}")).json()["authorizations"]) == count
    assert (await api.get("/v1/authorizations?state=maybe")).status_code == 422


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"member_id": "nobody"}, "member_id"),
        ({"provider_id": "nobody"}, "provider_id"),
        ({"procedures": []}, "procedures"),
        ({"procedures": ["P001"] * 101}, "procedures"),
        ({"procedures": ["97140..97110"]}, "procedures[0]"),
        ({"procedures": ["a b"]}, "procedures[0]"),
        ({"units": 0}, "units"),
        ({"units": 100_001}, "units"),
        ({"counts": "days"}, "counts"),
        ({"state": "maybe"}, "state"),
        ({"last_day": "2025-12-31"}, "last_day"),
        ({"authorization_number": "x" * 65}, "authorization_number"),
    ],
)
async def test_an_invalid_authorization_is_refused_by_field(api: Api, changes: dict[str, Any], field: str):
    refused = await api.post("/v1/authorizations", AUTHORIZATION | changes)
    assert refused.status_code == 422, refused.text
    assert [one["field"] for one in refused.json()["errors"]] == [field]
    assert api.rows("SELECT count(*) FROM authorizations") == [(0,)]


async def test_the_limits_themselves_are_taken(api: Api):
    made = await authorize(api, authorization_number="x" * 64, procedures=["P001"] * 100, units=100_000)
    assert (len(made["procedures"]), made["units"]) == (100, 100_000)


async def test_only_those_who_may_read_the_registries_read_authorizations(api: Api):
    await authorize(api)
    for role, status in (("provider", 403), ("investigator", 403), ("claims_system", 200)):
        assert (await api.get("/v1/authorizations/A-1", role=role)).status_code == status
    assert (await api.post("/v1/authorizations", AUTHORIZATION, role="provider")).status_code == 403


@pytest.mark.usefixtures("required")
async def test_a_claim_without_the_required_authorization_is_rejected_by_the_contract(api: Api):
    answer = await submit(api, None)
    assert (answer["status"], codes(answer), answer["authorization_number"]) == (
        "rejected",
        ["authorization_missing"],
        None,
    )
    assert (answer["notice"]["decided_by"], answer["notice"]["contract_findings"]) == (
        "contract",
        ["authorization_missing"],
    )
    assert codes(await submit(api, "A-9")) == ["authorization_unknown"]
    await authorize(api)
    paid = await submit(api)
    assert (paid["status"], codes(paid), paid["authorization_number"]) == ("approved", [], "A-1")
    assert (await api.get(f"/v1/claims/{paid['claim_id']}")).json() == paid


@pytest.mark.usefixtures("required")
async def test_the_authorization_of_another_member_is_none(api: Api):
    await authorize(api, member_id="M124")
    assert codes(await submit(api)) == ["authorization_unknown"]


async def test_a_plan_without_requirement_stores_the_number_and_uses_nothing(api: Api):
    await authorize(api, units=1)
    for day in (DAY, "2026-05-02"):
        assert (await submit(api, service_from=day))["status"] == "approved"
    assert await left(api) == (0, 0, 1)


@pytest.mark.usefixtures("required")
async def test_a_void_a_correction_and_a_denial_give_the_units_back(api: Api):
    await authorize(api, units=1)
    first = await submit(api)
    assert await left(api) == (1, 0, 0)
    assert codes(await submit(api, service_from="2026-05-02")) == ["authorization_exceeded"]
    corrected = await submit(api, claim_amount=4000, replaces=first["claim_id"])
    assert (corrected["status"], await left(api)) == ("approved", (1, 0, 0))
    await api.post(f"/v1/claims/{corrected['claim_id']}/void", b"")
    assert await left(api) == (0, 0, 1)
    claim_id = await held(api, MINIMAL | {"authorization_number": "A-1"}, service_from="2026-06-02")
    assert await left(api) == (0, 1, 0)
    api.scorer.behaviour = answering(0.1)
    short = await submit(api, service_from="2026-07-02")
    assert (short["status"], codes(short)) == ("in_review", ["authorization_units_short"])
    assert await left(api) == (0, 2, 0)
    for one in (claim_id, short["claim_id"]):
        await decide(api, one, DENY)
    assert await left(api) == (0, 0, 1)
    assert (await submit(api, service_from="2026-08-02"))["status"] == "approved"


@pytest.mark.usefixtures("required")
async def test_claims_that_race_for_the_last_units_never_both_use_one(api: Api):
    """On the real database: thirty claims of one unit each, ten units authorized."""
    await authorize(api, units=10)
    few = asyncio.Semaphore(12)

    async def one(number: int) -> str:
        body = MINIMAL | {
            "provider_id": ("H456", "H457")[number % 2],
            "service_from": f"2026-{1 + number // 10:02}-{1 + 2 * (number % 10):02}",
            "authorization_number": "A-1",
        }
        async with few:
            response = await until_taken(lambda: api.submit(body))
        assert response.status_code == 201, response.text
        return str(response.json()["status"])

    answers = await asyncio.gather(*map(one, range(30)))
    assert (answers.count("approved"), answers.count("rejected")) == (10, 20)
    assert await left(api) == (10, 0, 0)


@pytest.mark.usefixtures("required")
async def test_a_claim_that_is_being_scored_is_decided_by_the_ended_authorization(api: Api):
    await authorize(api)
    paused = PausedScorer()
    api.scorer.behaviour = paused
    claim = asyncio.create_task(submit(api))
    await paused.asked.wait()
    ended = await api.post("/v1/authorizations/A-1/end", {"last_day": "2026-03-01", "reason": "moved"})
    assert ended.status_code == 200, ended.text
    paused.go.set()
    assert codes(await claim) == ["authorization_other_day"]


async def test_a_claim_whose_plan_requires_none_sends_no_statement_more(
    api: Api, load: Load, sent_statements: list[str]
):
    await authorize(api)

    async def sent(number: str | None, day: str) -> int:
        sent_statements.clear()
        await submit(api, number, service_from=day)
        return len(sent_statements)

    await submit(api, None)
    usual = await sent(None, "2026-04-02")
    assert await sent("A-1", "2026-05-02") == usual
    await load("requirements", REQUIRED)
    assert await sent("A-1", "2026-06-02") == usual + 1


@pytest.mark.usefixtures("required")
async def test_an_837_and_a_fhir_claim_name_the_authorization(api: Api):
    await authorize(api, procedures=["P001", "P002"])
    body = file_of(x12_claim(more=["REF*G1*A-1"]))
    answer = await api.post("/v1/x12/837", body, **{"Content-Type": "application/edi-x12"})
    assert answer.status_code == 200, answer.text
    insurance = [{"sequence": 1, "focal": True, "coverage": {"display": "plan"}, "preAuthRef": ["A-1"]}]
    claim = fhir_claim(insurance=insurance, provider={"reference": "Organization/H457"})
    made = await api.post("/v1/fhir/Claim", claim, **{"Content-Type": "application/fhir+json"})
    assert made.status_code == 201, made.text
    assert api.rows("SELECT authorization_number, status FROM claims") == [("A-1", "approved")] * 2


@pytest.mark.usefixtures("required")
async def test_files_replace_authorizations_and_requirements(api: Api, load: Load):
    header = "authorization_number,member_id,provider_id,procedures,units,counts,first_day,last_day,state"
    row = "A-1,M123,,P001 97110..97140,2,visits,2026-01-01,2026-12-31,"
    assert await load("authorizations", f"{header}\n{row}pending\n", "--dry-run") == {
        "authorizations": 1,
        "stored": False,
    }
    assert (await api.get("/v1/authorizations/A-1")).status_code == 404
    for state in ("pending", "approved"):
        await load("authorizations", f"{header}\n{row}{state}\n")
        assert (await api.get("/v1/authorizations/A-1")).json()["state"] == state
    assert api.rows("SELECT count(*) FROM registry_history WHERE kind = 'authorizations'") == [(1,)]
    assert (await submit(api))["status"] == "approved"
    await load("requirements", REQUIRED.replace("PL2,P001", "PL2,P002"))
    assert (await submit(api, None, service_from="2026-05-02"))["status"] == "approved"


@pytest.mark.parametrize(
    ("kind", "row", "problem"),
    [
        ("requirements", "PL2,P009..P001,2026-01-01,,,", "line 2, procedures"),
        ("requirements", "PL2,P001 P002,2026-01-01,,,", "line 2, procedures"),
        ("requirements", "PL2,P001,2026-01-01,,x,", "line 2, places_of_service"),
        ("requirements", "PL2,P001,2026-01-01,,,-1", "line 2, above_amount"),
        ("requirements", "PL2,P001,,,,", "line 2, first_day"),
        ("requirements", "nobody,P001,2026-01-01,,,", "plan nobody does not exist"),
        ("authorizations", "A 1,M123,,P001,,,2026-01-01,,approved", "line 2, authorization_number"),
        ("authorizations", "A1,M123,,,,,2026-01-01,,approved", "line 2, procedures"),
        ("authorizations", "A1,M123,,P001,0,,2026-01-01,,approved", "line 2, units"),
        ("authorizations", "A1,M123,,P001,100001,,2026-01-01,,approved", "line 2, units"),
        ("authorizations", "A1,M123,,P001,,days,2026-01-01,,approved", "line 2, counts"),
        ("authorizations", "A1,M123,,P001,,,2026-01-01,,", "line 2, state"),
        ("authorizations", "A1,M123,,P001,,,2026-01-01,2025-01-01,approved", "line 2, last_day"),
        ("authorizations", "A1,nobody,,P001,,,2026-01-01,,approved", "member nobody does not exist"),
        ("authorizations", "A1,M123,nobody,P001,,,2026-01-01,,approved", "provider nobody does not exist"),
        ("authorizations", "A1,1.5E+09,,P001,,,2026-01-01,,approved", "line 2, member_id"),
    ],
)
async def test_a_file_with_an_invalid_row_is_refused_whole(api: Api, load: Load, kind: str, row: str, problem: str):
    header = {
        "requirements": REQUIRED.splitlines()[0],
        "authorizations": "authorization_number,member_id,provider_id,procedures,units,counts,first_day,last_day,state",
    }[kind]
    valid = {
        "requirements": "PL2,P003,2026-01-01,,,",
        "authorizations": "A2,M123,,P001,,,2026-01-01,,approved",
    }[kind]
    assert problem in await load(kind, f"{header}\n{row}\n{valid}\n", code=2)
    assert api.rows("SELECT (SELECT count(*) FROM authorizations), (SELECT count(*) FROM plan_authorizations)") == [
        (0, 0)
    ]


async def test_the_number_of_another_members_authorization_is_not_replaced_by_a_file(api: Api, load: Load):
    await authorize(api, member_id="M124")
    content = "authorization_number,member_id,procedures,first_day,state\nA-1,M123,P001,2026-01-01,approved\n"
    assert "is of another member" in await load("authorizations", content, code=2)
    read: httpx.Response = await api.get("/v1/authorizations/A-1")
    assert read.json()["member_id"] == "M124"
