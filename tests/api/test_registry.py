"""Members, providers and procedures: created, read, listed, changed, ended, and what a claim is decided by."""

import asyncio
import io
import json
from datetime import UTC, datetime
from typing import Any, cast

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from api.registry.details import MemberDetails
from api.registry.kinds import MEMBER
from api.registry.repository import entry_at
from core import clock
from tests.api.makers import MINIMAL, Api

NEWCOMB = {"member_id": "M900", "name": "Zoe Newcomb", "birth_date": "1980-03-02", "sex": "F", "plan_id": "PL1"}
COLLECTIONS = {
    "/v1/members": ("member_id", {"plan_id": "PL1"}),
    "/v1/providers": ("provider_id", {}),
    "/v1/procedures": ("procedure_code", {}),
}


async def put(api: Api, path: str, body: Any, tag: str | None, *, role: str = "admin") -> httpx.Response:
    headers = {"Content-Type": "application/json", **api.as_(role), **({} if tag is None else {"If-Match": tag})}
    return await api.client.put(path, content=json.dumps(body).encode(), headers=headers)


def refused(response: httpx.Response) -> tuple[str, str]:
    assert response.status_code == 422, response.text
    (error,) = response.json()["errors"]
    return error["field"], error["message"]


def stated(entry: dict[str, Any], key: str) -> dict[str, Any]:
    """A response as the body of a PUT."""
    return {name: value for name, value in entry.items() if name not in (key, "earlier_periods")}


def each_collection(test):
    return pytest.mark.parametrize("path", COLLECTIONS)(test)


@each_collection
async def test_an_entry_is_created_read_and_listed(api: Api, path: str):
    key, further = COLLECTIONS[path]
    made = await api.post(path, {key: "N1", "name": "New", "first_day": "2026-01-01", **further})
    assert (made.status_code, made.headers["location"]) == (201, f"{path}/N1")
    read = await api.get(f"{path}/N1")
    assert (read.json(), read.headers["etag"]) == (made.json(), made.headers["etag"])
    assert (read.json()["name"], read.json()["first_day"], read.json()["last_day"]) == ("New", "2026-01-01", None)
    collection = path.removeprefix("/v1/")
    assert "N1" in [one[key] for one in (await api.get(path)).json()[collection]]
    again = await api.post(path, {key: "N1", **further})
    assert (again.status_code, "exists already" in again.json()["detail"]) == (409, True)
    assert (await api.get(f"{path}/nobody")).status_code == 404


@each_collection
async def test_pages_have_each_entry_once_in_either_order(api: Api, path: str):
    key, further = COLLECTIONS[path]
    for number in range(5):
        await api.post(path, {key: f"N{number}", **further})
    for sort in (key, f"-{key}"):
        seen: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            page = (await api.get(f"{path}?limit=2&sort={sort}{cursor and f'&cursor={cursor}'}")).json()
            seen += [one[key] for one in page[path.removeprefix("/v1/")]]
            cursor = page["next_cursor"]
            await api.post(path, {key: f"N{len(seen)}x", **further})
        assert len(seen) == len(set(seen))
        assert {f"N{number}" for number in range(5)} <= set(seen)
        assert seen == sorted(seen, reverse=sort.startswith("-"))
    assert refused(await api.get(f"{path}?sort=name"))[0] == "sort"
    assert refused(await api.get(f"{path}?limit=201"))[0] == "limit"
    assert (await api.get(f"{path}?limit=200")).status_code == 200


async def test_lists_are_filtered(api: Api):
    members = (await api.get("/v1/members?plan_id=PL2&region=Coast")).json()["members"]
    assert [one["member_id"] for one in members] == ["M123"]
    assert (await api.get("/v1/members?region=Hills")).json() == {"members": [], "next_cursor": None}
    providers = (await api.get("/v1/providers?specialty=cardiology")).json()["providers"]
    assert [one["provider_id"] for one in providers] == ["H456", "H457", "H666"]


async def test_a_list_of_members_has_no_personal_data(api: Api):
    page = await api.get("/v1/members")
    assert set(page.json()["members"][0]) == {"member_id", "region", "plan_id", "first_day", "last_day"}
    assert (await api.get("/v1/members/M123")).json()["name"] == "Jane Roe"


@each_collection
async def test_only_the_roles_of_the_insurer_read_and_change(api: Api, path: str):
    key, further = COLLECTIONS[path]
    for role in ("provider", "investigator", "lead_investigator", "monitoring", "operator"):
        assert (await api.get(path, role=role)).status_code == 403
        assert (await api.get(f"{path}/N1", role=role)).status_code == 403
        assert (await api.post(path, {key: "N1", **further}, role=role)).status_code == 403
    assert (await api.post(path, {key: "N1", **further}, role="claims_system")).status_code == 201


@each_collection
async def test_a_change_needs_the_tag_of_what_was_read(api: Api, path: str):
    key, further = COLLECTIONS[path]
    await api.post(path, {key: "N1", "name": "New", **further})
    url, before = f"{path}/N1", await api.get(f"{path}/N1")
    body, tag = stated(before.json(), key), before.headers["etag"]
    assert refused(await put(api, url, body | {"name": "Other"}, None))[0] == "If-Match"
    assert refused(await put(api, url, body | {"name": "Other"}, ""))[0] == "If-Match"
    stale = await put(api, url, body | {"name": "Other"}, '"stale"')
    assert (stale.status_code, stale.json()["type"]) == (412, "/docs/problems#precondition-failed")
    assert (await api.get(url)).json() == before.json()
    changed = await put(api, url, body | {"name": "Other"}, tag)
    assert (changed.status_code, changed.json()) == (200, before.json() | {"name": "Other"})
    assert changed.headers["etag"] == (await api.get(url)).headers["etag"] != tag
    for verb, sent in (("end", {"last_day": "2026-06-30", "reason": "r"}), ("periods", {"first_day": "2030-01-01"})):
        stale = await api.post(f"{url}/{verb}", sent | (further if verb == "periods" else {}), **{"If-Match": tag})
        assert stale.status_code == 412
    assert (await put(api, f"{path}/nobody", body, tag)).status_code == 404


@each_collection
async def test_an_entry_ends_and_stays(api: Api, path: str):
    key, further = COLLECTIONS[path]
    await api.post(path, {key: "N1", "first_day": "2026-01-01", **further})
    end = f"{path}/N1/end"
    assert refused(await api.post(end, {"last_day": "2025-12-31", "reason": "r"}))[0] == "last_day"
    ended = await api.post(end, {"last_day": "2026-06-30", "reason": "left"})
    assert (ended.status_code, ended.json()["last_day"]) == (200, "2026-06-30")
    for last_day in ("2026-06-30", "2026-07-01"):
        again = await api.post(end, {"last_day": last_day, "reason": "left"})
        assert (again.status_code, "already ends on 2026-06-30" in again.json()["detail"]) == (409, True)
    assert (await api.post(end, {"last_day": "2026-06-29", "reason": "left"})).json()["last_day"] == "2026-06-29"
    assert (await api.get(f"{path}/N1")).json()["first_day"] == "2026-01-01"
    act, details = api.rows(
        "SELECT act, details FROM audit_log WHERE act LIKE '%%.end' ORDER BY audit_id DESC LIMIT 1"
    )[0]
    assert (act.partition(".")[2], details["subject"]) == ("end", f"{path.removeprefix('/v1/')}/N1")
    assert details["reason"] == "left"
    assert [len(side) for side in details["changed"]["periods"]] == [1, 1]


@each_collection
async def test_an_end_does_not_depend_on_earlier_periods(api: Api, path: str):
    key, further = COLLECTIONS[path]
    await api.post(path, {key: "N1", "first_day": "2026-01-01", **further})
    period = '[{"first_day": "2025-01-01", "last_day": "2026-02-01", "plan_id": "PL1"}]'
    api.execute(f"UPDATE {path.removeprefix('/v1/')} SET earlier_periods = '{period}' WHERE {key} = 'N1'")
    ended = await api.post(f"{path}/N1/end", {"last_day": "2026-06-30", "reason": "left"})
    assert (ended.status_code, ended.json()["last_day"]) == (200, "2026-06-30")


@each_collection
async def test_a_period_that_overlaps_is_refused_by_its_days(api: Api, path: str):
    key, further = COLLECTIONS[path]
    await api.post(path, {key: "N1", "first_day": "2026-01-01", **further})
    periods = f"{path}/N1/periods"
    field, message = refused(await api.post(periods, {"first_day": "2027-01-01", **further}))
    assert (field, message) == ("first_day", "the period overlaps the period from 2026-01-01 on; end that period first")
    await api.post(f"{path}/N1/end", {"last_day": "2026-12-31", "reason": "r"})
    field, message = refused(await api.post(periods, {"first_day": "2026-12-31", **further}))
    assert message.startswith("the period overlaps the period from 2026-01-01 to 2026-12-31")
    added = await api.post(periods, {"first_day": "2028-01-01", **further})
    assert added.status_code == 201
    earlier = await api.post(periods, {"first_day": "2027-03-01", "last_day": "2027-12-31", **further})
    assert [one["last_day"] for one in earlier.json()["earlier_periods"]] == ["2026-12-31", "2027-12-31"]
    assert (earlier.json()["first_day"], earlier.json()["last_day"]) == ("2028-01-01", None)
    assert refused(await api.post(periods, {"first_day": "2027-02-01", "last_day": "2027-01-01", **further}))[0] == (
        "last_day"
    )
    body = stated(earlier.json(), key)
    for first_day in ("2027-12-31", None):
        field, message = refused(await put(api, f"{path}/N1", body | {"first_day": first_day}, earlier.headers["etag"]))
        assert (field, "2027-12-31" in message or "2026-12-31" in message) == ("first_day", True)


LIMITS = [
    ("/v1/members", "name", "x" * 200, "x" * 201),
    ("/v1/members", "region", "x" * 32, "x" * 33),
    ("/v1/members", "birth_date", "1900-01-01", "1899-12-31"),
    ("/v1/members", "first_day", "2999-12-31", "3000-01-01"),
    ("/v1/members", "sex", "M", "X"),
    ("/v1/members", "plan_id", "PL2", "PL9"),
    ("/v1/providers", "specialty", "x" * 64, "x" * 65),
    ("/v1/providers", "npi", "1234567893", "1234567890"),
    ("/v1/procedures", "specialties", ["x"] * 50, ["x"] * 51),
    ("/v1/procedures", "max_units", 100_000, 100_001),
    ("/v1/procedures", "min_age_years", 0, -1),
    ("/v1/procedures", "typical_price", "0.01", "0.001"),
]


@pytest.mark.parametrize(("path", "field", "most", "more"), LIMITS, ids=lambda one: str(one)[:20])
async def test_each_limit_names_its_field(api: Api, path: str, field: str, most: Any, more: Any):
    key, further = COLLECTIONS[path]
    assert refused(await api.post(path, {key: "N1", **further, field: more}))[0].partition("[")[0] == field
    assert (await api.post(path, {key: "N1", **further, field: most})).status_code == 201


async def test_fields_that_contradict_each_other_are_refused(api: Api):
    ages = {"procedure_code": "N1", "min_age_years": 9, "max_age_years": 8}
    assert refused(await api.post("/v1/procedures", ages))[0] == "max_age_years"
    days = {"provider_id": "N1", "first_day": "2026-01-02", "last_day": "2026-01-01"}
    assert refused(await api.post("/v1/providers", days))[0] == "last_day"
    assert refused(await api.post("/v1/members", NEWCOMB | {"birth_date": "2999-01-01"}))[0] == "birth_date"
    assert refused(await api.post("/v1/members", {"member_id": "N1"}))[0] == "plan_id"


async def test_neither_the_log_nor_the_audit_log_repeats_personal_data(api: Api, log_lines: io.StringIO):
    made = await api.post("/v1/members", NEWCOMB)
    await put(api, "/v1/members/M900", stated(made.json(), "member_id") | {"name": "Zoe Other"}, made.headers["etag"])
    details = json.dumps([row[0] for row in api.rows("SELECT details FROM audit_log ORDER BY audit_id")])
    assert json.loads(details)[1]["changed"] == {"name": "changed"}
    written = details + log_lines.getvalue()
    assert [json.loads(line)["status"] for line in log_lines.getvalue().splitlines()] == [201, 200]
    assert not [one for one in ("Zoe", "Newcomb", "1980-03-02") if one in written]


async def submitted(api: Api, day: str, **changes: Any) -> dict[str, Any]:
    response = await api.submit(MINIMAL | {"service_from": day} | changes)
    assert response.status_code == 201, response.text
    answer: dict[str, Any] = response.json()
    return answer


def contract_findings(claim: dict[str, Any]) -> list[str]:
    found: list[str] = claim["notice"]["contract_findings"]
    return found


async def test_a_claim_is_decided_by_the_period_of_its_day(api: Api):
    await api.post("/v1/members", NEWCOMB | {"first_day": "2020-01-01", "last_day": "2020-12-31"})
    await api.post("/v1/members/M900/periods", {"first_day": "2026-01-01", "plan_id": "PL2"})
    first = await submitted(api, "2020-06-01", member_id="M900", claim_amount=100)
    assert first["status"] == "approved"
    limit = "SELECT benefit_limit_cents FROM claims WHERE claim_id = %s"
    assert api.rows(limit, first["claim_id"]) == [(1_000_000,)]  # of PL1
    second = await submitted(api, "2026-02-01", member_id="M900", claim_amount=100)
    assert (second["status"], api.rows(limit, second["claim_id"])) == ("approved", [(None,)])
    gap = await submitted(api, "2023-01-01", member_id="M900", claim_amount=100)
    assert (gap["status"], contract_findings(gap)) == ("rejected", ["cover_not_begun"])


async def test_a_claim_after_the_end_is_rejected_and_one_before_it_paid(api: Api):
    await api.post("/v1/providers/H457/end", {"last_day": "2026-03-31", "reason": "closed"})
    paid = await submitted(api, "2026-03-31", provider_id="H457", claim_amount=100)
    late = await submitted(api, "2026-04-01", provider_id="H457", claim_amount=100)
    assert (paid["status"], late["status"]) == ("approved", "rejected")
    assert contract_findings(late) == ["provider_inactive"]
    await api.post("/v1/procedures/P002/end", {"last_day": "2026-03-31", "reason": "withdrawn"})
    assert (await submitted(api, "2026-03-31", procedure_code="P002", claim_amount=10))["status"] == "approved"
    assert (await submitted(api, "2026-04-01", procedure_code="P002", claim_amount=10))["status"] == "in_review"


async def test_a_provider_is_suspended_from_a_day_on(api: Api):
    read = await api.get("/v1/providers/H456")
    body = stated(read.json(), "provider_id") | {"excluded_from": "2026-03-01"}
    assert (await put(api, "/v1/providers/H456", body, read.headers["etag"])).status_code == 200
    late = await submitted(api, "2026-03-01", claim_amount=100)
    assert (late["status"], contract_findings(late)) == ("rejected", ["provider_excluded"])
    assert (await submitted(api, "2026-02-28", claim_amount=100))["status"] == "approved"


async def test_what_a_claim_was_decided_by_can_be_read_after_changes(api: Api):
    claim = await submitted(api, "2026-03-02")
    (made_at,) = api.rows("SELECT made_at FROM assessments WHERE claim_id = %s", claim["claim_id"])[0]
    at = made_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    urls = ("/v1/members/M123", "/v1/providers/H456", "/v1/procedures/P001")
    before = [(await api.get(url)).json() for url in urls]
    for url in urls:
        assert (await api.post(f"{url}/end", {"last_day": "2026-01-01", "reason": "r"})).status_code == 200
    # Files and commands change the same rows; what they replace is kept, too.
    api.execute("UPDATE members SET region = 'Hills'; UPDATE providers SET specialty = 'surgery'")
    assert [(await api.get(url)).json() for url in urls] != before
    assert [(await api.get(f"{url}?known_at={at}")).json() for url in urls] == before
    late = datetime(2999, 1, 1, tzinfo=UTC).isoformat().replace("+00:00", "Z")
    assert refused(await api.get(f"{urls[0]}?known_at={late}"))[0] == "known_at"


async def test_a_state_that_is_replaced_while_it_is_read_is_still_the_state_then(api: Api):
    at = clock.now()
    async with api.database.reading() as connection:

        class ReplacedMeanwhile:
            """A connection on which the member is changed after the first statement."""

            reads = 0

            def __getattr__(self, name: str) -> Any:
                async def read(*args: Any) -> Any:
                    found = await getattr(connection, name)(*args)
                    self.reads += 1
                    if self.reads == 1:
                        await asyncio.to_thread(api.execute, "UPDATE members SET region = 'Hills'")
                    return found

                return read

        found = await entry_at(
            cast(AsyncConnection, ReplacedMeanwhile()), api.dependencies.field_keys, MEMBER, "M123", at
        )
    assert found is not None
    assert cast(MemberDetails, found.details).region == "Coast"


async def test_averages_are_no_new_state_of_a_procedure(api: Api):
    api.execute("UPDATE procedures SET average_cents = 1, average_claims = 2")
    assert api.count("registry_history") == 0
    api.execute("UPDATE procedures SET max_units = 2 WHERE procedure_code = 'P001'")
    assert api.rows("SELECT kind, entry_id FROM registry_history") == [("procedures", "P001")]


async def test_earlier_states_cannot_be_changed(api: Api):
    api.execute("UPDATE members SET region = 'Hills'")
    for change in ("UPDATE registry_history SET kind = 'x'", "DELETE FROM registry_history"):
        with pytest.raises(Exception, match="append only"):
            api.execute(change)
