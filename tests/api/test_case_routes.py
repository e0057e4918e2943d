"""Cases over the API: opened once, changed as they were read, listed without gaps, and foreign to other roles."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from core import clock
from tests.api.case_requests import fresh_case
from tests.api.cases import ANN, acts, claim, opened
from tests.api.makers import Api

ABOUT_H456 = {"subject_kind": "provider", "subject_id": "H456"}
WORKER, LEAD = "investigator", "lead_investigator"


async def done(api: Api, path: str, body: Any, *, role: str = WORKER, status: int = 200, **headers: str) -> Any:
    """What a request answers that is carried out."""
    answer = await api.post(path, body, role=role, **headers)
    assert answer.status_code == status, answer.text
    return answer.json()


async def refused(api: Api, path: str, body: Any, status: int, *, role: str = WORKER, **headers: str) -> Any:
    """The problem that a request answers."""
    answer = await api.post(path, body, role=role, **headers)
    assert answer.status_code == status, answer.text
    return answer.json()


async def read(api: Api, path: str, *, role: str = WORKER) -> Any:
    answer = await api.get(path, role=role)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def every_page(api: Api, path: str, listed: str, *, meanwhile: Any = None) -> list[Any]:
    """The items of all pages, two at a time; `meanwhile` is done after each."""
    found, cursor = [], ""
    while cursor is not None:
        page = await read(api, f"{path}{'&' if '?' in path else '?'}limit=2{cursor and f'&cursor={cursor}'}")
        assert len(page[listed]) <= 2
        found += page[listed]
        cursor = page["next_cursor"]
        if meanwhile is not None and cursor is not None:
            await meanwhile()
    return found


async def test_a_case_is_opened_about_a_subject_with_claims_of_it(api: Api):
    own, foreign = await claim(api), await claim(api, provider_id="H457", member_id="M124")
    sent = {**ABOUT_H456, "claim_ids": [own], "detection": "referral", "detected_at": "2026-02-03T10:00:00Z"}
    problem = await refused(api, "/v1/cases", {**sent, "claim_ids": [own, foreign]}, 422)
    assert problem["errors"][0]["field"] == "claim_ids"
    assert foreign in problem["errors"][0]["message"]
    answer = await api.post("/v1/cases", sent, role=WORKER)
    made = answer.json()
    assert answer.headers["location"] == f"/v1/cases/{made['case_id']}"
    assert (made["status"], made["detection"], made["detected_at"]) == (
        "open",
        "referral",
        "2026-02-03T10:00:00.000000Z",
    )
    assert await read(api, answer.headers["location"]) == made
    assert [one["claim_id"] for one in (await read(api, f"/v1/cases/{made['case_id']}/claims"))["claims"]] == [own]


async def test_a_subject_with_an_open_case_gets_that_one_also_from_two_at_once(api: Api):
    own = await claim(api)
    answers = await asyncio.gather(*(done(api, "/v1/cases", ABOUT_H456, role=role) for role in (WORKER, LEAD)))
    assert answers[0]["case_id"] == answers[1]["case_id"]
    again = await done(api, "/v1/cases", {**ABOUT_H456, "claim_ids": [own]})
    assert again["case_id"] == answers[0]["case_id"]
    assert await acts(api, again["case_id"]) == ["case.open", "case.add_claims"]


async def test_a_ring_is_the_same_whatever_the_order_of_its_providers(api: Api):
    ring = {"subject_kind": "ring", "provider_ids": ["H457", "H456"]}
    made = await done(api, "/v1/cases", ring)
    assert made["provider_ids"] == ["H456", "H457"]
    assert (await done(api, "/v1/cases", {**ring, "provider_ids": ["H456", "H457"]}))["case_id"] == made["case_id"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"subject_kind": "provider"}, "subject_id"),
        ({"subject_kind": "ring", "subject_id": "H456"}, "subject_id"),
        ({"subject_kind": "ring", "provider_ids": []}, "provider_ids"),
        ({"subject_kind": "ring", "provider_ids": ["H456", "H456"]}, "provider_ids"),
        ({"subject_kind": "member", "subject_id": "M123", "provider_ids": ["H456"]}, "provider_ids"),
        ({**ABOUT_H456, "detected_at": "2999-01-01T00:00:00Z"}, "detected_at"),
    ],
)
async def test_a_subject_that_is_not_said_once_is_refused_by_its_field(api: Api, body: Any, field: str):
    assert (await refused(api, "/v1/cases", body, 422))["errors"][0]["field"] == field
    assert api.count("cases") == 0


async def test_cases_are_listed_by_status_subject_and_owner(api: Api):
    mine, other = await done(api, "/v1/cases", ABOUT_H456), (await fresh_case(api)).case_id
    await done(api, f"/v1/cases/{mine['case_id']}/assign", {"assignee_id": "me"})
    body = {"disposition": "inconclusive", "note": "Too few records."}
    await done(api, f"/v1/cases/{other}/closing", body)
    for query, expected in (
        ("", {mine["case_id"], other}),
        ("?status=open", {mine["case_id"]}),
        ("?status=closed", {other}),
        ("?subject_kind=provider", {mine["case_id"]}),
        ("?subject_id=H456", {mine["case_id"]}),
        ("?subject_id=H457", set()),
        ("?owner=me", {mine["case_id"]}),
        ("?owner=none", {other}),
    ):
        assert {one["case_id"] for one in (await read(api, f"/v1/cases{query}"))["cases"]} == expected, query
    assert (await read(api, "/v1/cases?owner=me", role=LEAD))["cases"] == []


async def test_pages_have_every_case_once_while_others_are_opened(api: Api):
    there = [(await fresh_case(api)).case_id for _ in range(5)]

    async def open_another() -> None:
        await fresh_case(api)

    found = [one["case_id"] for one in await every_page(api, "/v1/cases", "cases", meanwhile=open_another)]
    assert found == there[::-1]
    assert api.count("cases") > len(there)


async def test_pages_of_claims_and_history_have_every_entry_once_while_others_are_added(api: Api):
    ids = [await claim(api) for _ in range(5)]
    made = await opened(api)
    path = f"/v1/cases/{made.case_id}"
    for one in ids[:3]:
        await done(api, f"{path}/claims", {"claim_ids": [one]})
    later = iter(ids[3:])

    async def add_another() -> None:
        await done(api, f"{path}/claims", {"claim_ids": [next(later)]})

    found = await every_page(api, f"{path}/claims", "claims", meanwhile=add_another)
    assert [one["claim_id"] for one in found][:3] == ids[:3]
    assert len({one["claim_id"] for one in found}) == len(found)
    numbers = (await read(api, path))["version"]

    async def note() -> None:
        await done(api, f"{path}/notes", {"text": "Meanwhile."}, status=201)

    events = await every_page(api, f"{path}/history", "events", meanwhile=note)
    assert [one["number"] for one in events] == list(range(numbers, 0, -1))
    wrong = (await read(api, f"{path}/claims?limit=2"))["next_cursor"]
    problem = (await api.get(f"{path}/history?cursor={wrong}", role=WORKER)).json()
    assert problem["errors"][0]["field"] == "cursor"


async def test_claims_have_what_became_of_them_and_the_totals_of_all(api: Api):
    first, second = await claim(api), await claim(api, claim_amount="100.50")  # type: ignore[arg-type]
    made = await opened(api, [first, second])
    await done(api, f"/v1/claims/{first}/dispositions", {"disposition": "cleared"}, status=201)
    listed = await read(api, f"/v1/cases/{made.case_id}/claims?limit=1")
    stored = dict(api.rows("SELECT claim_id, amount_cents FROM claims"))
    assert (listed["total"], listed["total_claimed"]) == (2, sum(stored.values()) / 100)
    (shown,) = listed["claims"]
    assert shown["claim_amount"] == stored[shown["claim_id"]] / 100
    every = await every_page(api, f"/v1/cases/{made.case_id}/claims", "claims")
    assert {one["claim_id"]: one["disposition"] for one in every} == {first: "cleared", second: None}


async def test_a_change_is_made_only_if_the_case_is_as_it_was_read(api: Api):
    made = await fresh_case(api)
    path = f"/v1/cases/{made.case_id}"
    tag = (await api.get(path, role=WORKER)).headers["etag"]
    noted = await api.post(f"{path}/notes", {"text": "First."}, role=WORKER, **{"If-Match": tag})
    assert noted.status_code == 201
    stale = await refused(api, f"{path}/assign", {"assignee_id": "me"}, 412, **{"If-Match": tag})
    assert stale["type"] == "/docs/problems#precondition-failed"
    now = await api.get(path, role=WORKER)
    assert now.headers["etag"] != tag
    answer = await api.post(f"{path}/assign", {"assignee_id": "me"}, role=WORKER, **{"If-Match": now.headers["etag"]})
    assert answer.status_code == 200
    after = await api.client.get(path, headers={**api.as_(WORKER), "If-None-Match": answer.headers["etag"]})
    assert after.status_code == 304
    assert await acts(api, made.case_id) == ["case.open", "case.note", "case.assign"]


async def test_of_two_changes_of_one_state_at_once_one_is_made(api: Api):
    made = await fresh_case(api)
    path = f"/v1/cases/{made.case_id}"
    tag = (await api.get(path, role=WORKER)).headers["etag"]
    sent = (api.post(f"{path}/notes", {"text": f"Note {one}."}, role=WORKER, **{"If-Match": tag}) for one in range(4))
    statuses = sorted(one.status_code for one in await asyncio.gather(*sent))
    assert statuses == [201, 412, 412, 412]
    assert await acts(api, made.case_id) == ["case.open", "case.note"]


async def test_a_case_of_another_is_reassigned_by_a_lead_alone(api: Api):
    own = await claim(api)
    made = await opened(api, [own])
    path = f"/v1/cases/{made.case_id}"
    await done(api, f"{path}/assign", {"assignee_id": "me"}, role=LEAD)
    lea = (await read(api, path))["assigned_to"]
    for act, body in (("assign", {"assignee_id": "me"}), ("claims/remove", {"claim_ids": [own]})):
        problem = await refused(api, f"{path}/{act}", body, 409)
        assert problem["assigned_to"] == lea
        assert problem["assigned_name"] == "lead_investigator"
    ann = api.rows("SELECT api_key_id FROM api_keys WHERE role = %s", WORKER)[0][0]
    given = await done(api, f"{path}/assign", {"assignee_id": ann}, role=LEAD)
    assert given["assigned_to"] == ann
    assert (await done(api, f"{path}/assign", {"assignee_id": None}))["assigned_to"] is None
    unknown = await refused(api, f"{path}/assign", {"assignee_id": "key_none"}, 422)
    assert unknown["errors"][0]["field"] == "assignee_id"
    await done(api, f"{path}/claims/remove", {"claim_ids": [own]})
    assert (await read(api, f"{path}/claims"))["total"] == 0


@pytest.mark.parametrize("kind", ["note", "contact", "education", "referral"])
async def test_what_a_person_writes_is_an_entry_of_the_history(api: Api, kind: str):
    made = await fresh_case(api)
    path = f"/v1/cases/{made.case_id}"
    sent = {"kind": kind, "text": "Called the manager.\nThey agree.", "on": "2026-03-02"}
    event = await done(api, f"{path}/notes", sent, status=201)
    assert (event["act"], event["text"], event["details"]) == (f"case.{kind}", sent["text"], {"on": "2026-03-02"})
    assert (await read(api, f"{path}/history"))["events"][0] == event
    blank = await refused(api, f"{path}/notes", {"text": " \n"}, 422)
    assert blank["errors"][0]["field"] == "text"


async def test_a_task_is_done_and_requested_records_are_received_once(api: Api):
    path = f"/v1/cases/{(await fresh_case(api)).case_id}"
    due = (clock.now().date() + timedelta(days=30)).isoformat()
    task = await done(api, f"{path}/tasks", {"title": "Visit the practice", "due_on": due}, status=201)
    asked = {"kind": "records_request", "title": "Records of March", "due_on": due, "letter": "Please send\nthem."}
    request = await done(api, f"{path}/tasks", asked, status=201)
    assert (task["letter"], request["letter"]) == (None, asked["letter"])
    without = await refused(api, f"{path}/tasks", {**asked, "letter": None}, 422)
    assert without["errors"][0]["field"] == "letter"
    received = await done(api, f"{path}/tasks/{request['task_id']}/complete", {})
    assert received["done_at"] is not None
    assert await done(api, f"{path}/tasks/{request['task_id']}/complete", b"", role=LEAD) == received
    assert (await read(api, f"{path}/tasks"))["tasks"] == [task, received]
    assert [one["act"] for one in (await read(api, f"{path}/history"))["events"]].count(
        "case.finish_records_request"
    ) == 1
    await refused(api, f"{path}/tasks/ctk_none/complete", {}, 404)


async def test_each_route_of_an_unknown_case_answers_that_there_is_none_and_where_cases_are_listed(api: Api):
    for path in ("", "/history", "/claims", "/tasks"):
        answer = await api.get(f"/v1/cases/cas_none{path}", role=WORKER)
        assert (answer.status_code, "GET /v1/cases" in answer.json()["detail"]) == (404, True), path


async def test_changes_are_in_the_audit_log_with_their_case_and_reads_too(api: Api):
    made = await opened(api, caller=ANN)
    path = f"/v1/cases/{made.case_id}"
    await done(api, f"{path}/notes", {"text": "Seen."}, status=201)
    await read(api, path)
    recorded = api.rows(
        "SELECT act FROM audit_log WHERE subject_kind = 'case' AND subject_id = %s ORDER BY audit_id", made.case_id
    )
    assert [act for (act,) in recorded] == ["case.open", "case.note", "case.read"]
