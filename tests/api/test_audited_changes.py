"""Every act that a service records keeps what was before and after it, encrypted, or it is declared why not."""

import json
from typing import Any

import pytest

from api.audit import CHANGE_KEPT, ROUTES, WITHOUT_CHANGE, RecordedBy, recorded_as, why_without_change
from api.policies import roll_back
from tests.api.decisions import DENY, REOPEN, decide, held
from tests.api.makers import Api
from tests.api.test_audit_routes import NEW, change_of
from tests.api.test_erasure import erase
from tests.api.test_legal_holds import hold
from tests.api.test_policies import COAST, in_force
from tests.api.test_sealed_columns import SENTINEL, in_clear
from tests.claims.policies import LONG_STAY

BY_SERVICE = {route.act for route in ROUTES.values() if route.by is RecordedBy.SERVICE}
USER = {"login": "ann@insurer.example", "display_name": f"Ann {SENTINEL}", "role": "data_scientist"}


def test_every_act_that_a_service_records_keeps_its_change_or_says_why_not():
    assert CHANGE_KEPT & WITHOUT_CHANGE.keys() == set()
    assert {act for act in BY_SERVICE - CHANGE_KEPT if not why_without_change(act)} == set()
    assert {act for act in CHANGE_KEPT if why_without_change(act)} == set()
    assert set() == CHANGE_KEPT - BY_SERVICE
    assert all(WITHOUT_CHANGE.values())


async def test_a_decision_is_kept_with_the_one_before_it_and_without_its_text(api: Api):
    claim_id = await held(api)
    assert (await decide(api, claim_id, DENY | {"note": f"seen by {SENTINEL}"})).status_code == 201
    assert (await decide(api, claim_id, REOPEN, role="lead_investigator")).status_code == 201
    kept = (await change_of(api, "claim.deny"))["change"]
    assert (kept["before"]["status"], kept["before"]["decision"]) == ("in_review", None)
    later = (await change_of(api, "claim.reopen"))["change"]
    assert later["before"] == kept["after"]
    assert later["before"]["decision"]["reason"] == DENY["reason"]
    assert [later[one]["status"] for one in ("before", "after")] == ["denied", "in_review"]
    assert SENTINEL not in json.dumps([kept, later])
    assert not in_clear(api, "audit_log")


async def test_a_disposition_is_kept_with_the_one_before_it_and_without_its_text(api: Api):
    claim_id = await held(api)
    for found in ("inconclusive", "cleared"):
        sent = {"disposition": found, "note": f"{found} by {SENTINEL}"}
        answer = await api.post(f"/v1/claims/{claim_id}/dispositions", sent, role="investigator")
        assert answer.status_code == 201, answer.text
    kept = (await change_of(api, "disposition.record"))["change"]
    assert [kept[one]["disposition"] for one in ("before", "after")] == ["inconclusive", "cleared"]
    assert SENTINEL not in json.dumps(kept)
    assert not in_clear(api, "audit_log")


async def test_a_user_is_kept_as_it_was_and_as_it_is(api: Api):
    made = await api.post("/v1/users", USER)
    assert made.status_code == 201, made.text
    created = {name: value for name, value in made.json().items() if name != "password"}
    assert (await change_of(api, "user.create"))["change"] == {"before": None, "after": created}
    sent = {"display_name": "Ann Newname", "role": "operator", "provider_id": None, "member_id": None}
    path = f"/v1/users/{created['user_id']}"
    headers = {"If-Match": (await api.get(path)).headers["etag"], **api.as_("admin")}
    changed = await api.client.put(path, json=sent | {"state": "active"}, headers=headers)
    assert changed.status_code == 200, changed.text
    assert (await change_of(api, "user.change"))["change"] == {"before": created, "after": changed.json()}
    assert not in_clear(api, "audit_log")


async def test_a_hold_is_kept_with_its_texts_also_after_an_erasure_of_the_member(api: Api):
    made = await hold(api, reason=f"order {SENTINEL}")
    released = await api.post(f"/v1/legal-holds/{made['hold_id']}/release", {"reason": "closed"})
    assert released.status_code == 200, released.text
    assert (await erase(api, made["member_id"], "--reason", "request 7")).exit_code == 0
    added = (await change_of(api, "legal_hold.add"))["change"]
    assert (added["before"], added["after"]["reason"]) == (None, f"order {SENTINEL}")
    kept = (await change_of(api, "legal_hold.release"))["change"]
    assert [kept[one]["release_reason"] for one in ("before", "after")] == [None, "closed"]
    assert not in_clear(api, "audit_log")


MEMBER_CHANGES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("member.create", "/v1/members", NEW | {"first_day": "2021-01-01"}),
    (
        "member.period",
        "/v1/members/M900/periods",
        {"first_day": "2020-01-01", "last_day": "2020-12-31", "plan_id": "PL1"},
    ),
    ("member.end", "/v1/members/M900/end", {"last_day": "2027-12-31", "reason": "left"}),
)


async def test_each_act_about_a_member_keeps_its_change(api: Api):
    for act, path, body in MEMBER_CHANGES:
        answer = await api.post(path, body)
        assert answer.status_code in (200, 201), answer.text
        kept = (await change_of(api, recorded_as(act)[0]))["change"]
        assert kept["after"]["name"] == NEW["name"], act
        assert kept["before"] != kept["after"]


@pytest.mark.parametrize("act", sorted(CHANGE_KEPT))
def test_rows_of_an_act_with_a_change_have_a_name(act: str):
    assert recorded_as(act)


async def test_a_key_is_kept_as_it_was_and_as_it_is_without_its_secret(api: Api):
    sent = {"name": f"till {SENTINEL}", "role": "claims_system"}
    made = await api.post("/v1/keys", sent)
    assert made.status_code == 201, made.text
    created = {name: value for name, value in made.json().items() if name != "secret"}
    assert (await change_of(api, "api_key.create"))["change"] == {"before": None, "after": created}
    rotated = await api.post(f"/v1/keys/{created['api_key_id']}/rotate", {"overlap_hours": 1})
    assert rotated.status_code == 201, rotated.text
    kept = (await change_of(api, "api_key.rotate"))["change"]
    assert kept["before"]["api_key_id"] == created["api_key_id"]
    assert kept["after"] == {name: value for name, value in rotated.json().items() if name != "secret"}
    revoked = await api.post(f"/v1/keys/{rotated.json()['api_key_id']}/revoke", {})
    assert revoked.status_code == 200, revoked.text
    last = (await change_of(api, "api_key.revoke"))["change"]
    assert [last[one]["state"] for one in ("before", "after")] == ["valid", "revoked"]
    assert last["after"] == revoked.json()
    assert not in_clear(api, "audit_log")
    assert "gja_live" not in json.dumps([kept, last])


async def test_a_policy_is_kept_with_what_was_active_before_it(api: Api):
    first = await in_force(api, COAST)
    drafted = (await change_of(api, "policy.draft"))["change"]
    assert (drafted["before"], drafted["after"]["version"]) == (None, first)
    assert drafted["after"]["document"]["rules"][0]["name"] == COAST["name"]
    second = await in_force(api, LONG_STAY)
    kept = (await change_of(api, "policy.activate"))["change"]
    assert [[one["version"] for one in kept[when]["active"]] for when in ("before", "after")] == [
        [first],
        [second, first],
    ]
    for after in ([first], []):
        await roll_back(api.database, api.dependencies.field_keys, approver="ann", reason="too many reviews")
        undone = (await change_of(api, "policy.rollback"))["change"]
        assert undone["before"] == kept["after"]
        assert [one["version"] for one in undone["after"]["active"]] == after
        kept = undone
