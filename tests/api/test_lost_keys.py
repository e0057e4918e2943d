"""A value whose key is lost is an error that names it, and no retry is asked for; everything else stays readable."""

import json

import pytest

from api.field_keys import FieldKeys
from core.errors import KeyMissingError
from tests.api.makers import MINIMAL, Api
from tests.api.test_identities import crypto
from tests.api.test_legal_holds import hold

NEW = {"member_id": "M900", "name": "Zoraida Quixley", "birth_date": "1947-11-23", "sex": "F", "plan_id": "PL2"}
OF_LOST_KEY = "overlay({0} PLACING '\\x0000270f' FROM 2 FOR 4)"
"""SQL: a value of data key 9999, which is not stored."""


async def lose(api: Api, table: str, column: str, where: str = "true") -> None:
    api.execute(f"UPDATE {table} SET {column} = {OF_LOST_KEY.format(column)} WHERE {where}")


async def test_a_member_whose_key_is_lost_is_an_error_that_names_it_and_others_are_read(api: Api):
    for member_id in ("M900", "M901"):
        made = await api.post("/v1/members", NEW | {"member_id": member_id, "first_day": "2020-01-01"})
        assert made.status_code == 201, made.text
    await lose(api, "member_keys", "wrapped_key", "member_id = 'M900'")
    refused = await api.get("/v1/members/M900")
    assert refused.status_code == 500
    assert refused.json()["type"].endswith("#value-unreadable")
    assert "retry-after" not in refused.headers
    assert "the key of a member" in refused.json()["detail"]
    assert "M900" not in refused.json()["detail"]
    assert "data key 9999 is missing" in refused.json()["detail"]
    assert (await api.submit(MINIMAL | {"member_id": "M900"})).status_code == 500
    assert (await api.get("/v1/members/M901")).json()["name"] == NEW["name"]


async def test_a_list_shows_which_text_is_lost_and_the_others(api: Api):
    first, second = await hold(api), await hold(api, member_id="M124")
    await lose(api, "legal_holds", "contact_sealed", f"hold_id = '{first['hold_id']}'")
    one, other = (await api.get("/v1/legal-holds")).json()["legal_holds"]
    assert one["contact"].startswith(f"lost: legal_holds.contact of {first['hold_id']}: data key 9999 is missing")
    assert (one["case_number"], one["state"]) == (first["case_number"], "in_force")
    assert other == second


async def test_a_stored_reply_whose_key_is_lost_is_no_outage(api: Api):
    key = {"Idempotency-Key": "k-1"}
    assert (await api.submit(**key)).status_code == 201
    await lose(api, "idempotency_keys", "body_sealed")
    refused = await api.submit(**key)
    assert (refused.status_code, refused.json()["type"].rpartition("#")[2]) == (500, "value-unreadable")
    assert "k-1" not in refused.json()["detail"], "a client chose it"
    assert api.count("claims") == 1


async def test_a_data_key_that_is_not_stored_is_lost(api: Api):
    keys = FieldKeys(api.dependencies.settings, api.url)
    with pytest.raises(KeyMissingError, match="data key 9999"):
        await keys.key(9_999)


async def test_lost_values_are_counted(api: Api):
    made = await api.post("/v1/members", NEW | {"first_day": "2020-01-01"})
    assert made.status_code == 201, made.text
    await hold(api)
    claim = (await api.submit(MINIMAL | {"member_id": "M900"})).json()["claim_id"]
    voided = await api.post(f"/v1/claims/{claim}/void", {"reason": "billed in error"}, role="claims_system")
    assert voided.status_code == 200, voided.text
    api.execute("UPDATE members SET name = NULL, sex = NULL, birth_date = NULL")  # of an earlier release, in clear
    found = await crypto(api, "status", "--json")
    assert json.loads(found.stdout)["lost"] == {}, found.output
    await lose(api, "member_keys", "wrapped_key", "member_id = 'M900'")
    await lose(api, "legal_holds", "reason_sealed")
    found = await crypto(api, "status", "--json")
    lost = {"member_keys.wrapped_key": 1, "legal_holds.reason_sealed": 1}
    assert (found.exit_code, json.loads(found.stdout)["lost"]) == (1, lost)
    api.execute("ALTER TABLE member_keys DISABLE TRIGGER USER; DELETE FROM member_keys")
    found = await crypto(api, "status")
    assert found.exit_code == 1
    assert "Lost: 1 values of members.name_sealed" in found.output
    assert "Lost: 1 values of claims.void_reason_sealed" in found.output
