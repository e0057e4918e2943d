"""What people write about a claim is encrypted with the key of its member, and gone when the member is erased."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from api.database import Database
from api.field_keys import encrypt_values
from api.registry import encrypt_identities
from tests.api.appeals import APPEAL, OVERTURNED, answer, denied, filed
from tests.api.decisions import DENY, decide, held
from tests.api.makers import MINIMAL, Api
from tests.api.rescreening import opened
from tests.api.test_erasure import erase
from tests.api.test_identities import crypto
from tests.api.test_sealed_columns import SENTINEL, in_clear

NOTED = DENY | {"note": f"seen by {SENTINEL}"}
REASONED = APPEAL | {"reason": f"{SENTINEL} had two services."}
FINDING = {"disposition": "confirmed", "kind": "upcoding", "note": f"reported by {SENTINEL}"}
TABLES = ("decisions", "appeals", "appeal_decisions", "dispositions", "rescreening_findings")
ERASED = "erased with the data of the member"


async def written(api: Api, **changes: Any) -> str:
    """A claim about which something was written in each way but the findings of re-screening."""
    claim_id = await held(api, **changes)
    assert (await decide(api, claim_id, NOTED)).status_code == 201
    appeal_id = await filed(api, claim_id, body=REASONED)
    decided = await answer(api, appeal_id, OVERTURNED | {"note": f"agreed with {SENTINEL}"})
    assert decided.status_code == 201, decided.text
    recorded = await api.post(f"/v1/claims/{claim_id}/dispositions", FINDING, role="investigator")
    assert recorded.status_code == 201, recorded.text
    return claim_id


async def texts_of(api: Api, claim_id: str) -> Mapping[str, object]:
    """What is read of it."""
    decisions = (await api.get(f"/v1/claims/{claim_id}/decisions", role="lead_investigator")).json()["decisions"]
    (appeal,) = (await api.get(f"/v1/claims/{claim_id}/appeals", role="lead_investigator")).json()["appeals"]
    listed = (await api.get(f"/v1/claims/{claim_id}/dispositions", role="investigator")).json()["dispositions"]
    return {
        "decisions": [one["note"] for one in decisions],
        "reason": appeal["reason"],
        "outcome": appeal["note"],
        "finding": listed[0]["note"],
    }


WRITTEN = {
    "decisions": [NOTED["note"], f"agreed with {SENTINEL}"],
    "reason": REASONED["reason"],
    "outcome": f"agreed with {SENTINEL}",
    "finding": FINDING["note"],
}


async def test_what_is_written_is_read_and_stored_encrypted(api: Api):
    claim_id = await written(api)
    assert await texts_of(api, claim_id) == WRITTEN
    assert [one for one in TABLES if in_clear(api, one)] == []


async def test_the_note_of_a_closed_finding_is_encrypted(api: Api):
    finding = opened(api, await held(api))
    path = f"/v1/rescreening-findings/{finding}/close"
    closed = await api.post(path, {"reason": "no_action", "note": f"asked {SENTINEL}"}, role="investigator")
    assert closed.json()["note"] == f"asked {SENTINEL}", closed.text
    assert not in_clear(api, "rescreening_findings")
    listed = (await api.get("/v1/rescreening-findings", role="investigator")).json()["findings"]
    assert [one["note"] for one in listed if one["finding_id"] == finding] == [f"asked {SENTINEL}"]


async def test_an_erasure_reaches_what_was_written_also_in_copies(api: Api):
    claim_id, other = await written(api), await written(api, member_id="M124")
    copied = api.rows("SELECT decision_id, note_sealed FROM decisions WHERE claim_id = %s", claim_id)
    assert (await erase(api, "M123", "--reason", "request 7")).exit_code == 0
    gone = {"decisions": [None, None], "reason": ERASED, "outcome": None, "finding": None}
    assert await texts_of(api, claim_id) == gone
    assert api.rows("SELECT decision_id, note_sealed FROM decisions WHERE claim_id = %s", claim_id) == copied
    assert await texts_of(api, other) == WRITTEN, "that of another member stays"


async def test_an_erasure_reaches_what_an_earlier_release_stored_in_clear(api: Api):
    claim_id = await written(api)
    store_in_clear(api)
    assert await texts_of(api, claim_id) == WRITTEN
    assert (await erase(api, "M123", "--reason", "request 7")).exit_code == 0
    assert [one for one in TABLES if in_clear(api, one)] == []
    assert (await texts_of(api, claim_id))["reason"] == ERASED
    with pytest.raises(Exception, match="append only"):
        api.execute("UPDATE decisions SET note = 'x'")


async def test_work_on_a_claim_goes_on_after_its_member_was_erased(api: Api):
    claim_id = await denied(api)
    assert (await erase(api, "M123", "--reason", "request 7")).exit_code == 0
    await filed(api, claim_id, body=REASONED)
    (appeal,) = (await api.get(f"/v1/claims/{claim_id}/appeals", role="lead_investigator")).json()["appeals"]
    assert appeal["reason"] == REASONED["reason"]
    assert not in_clear(api, "appeals")


async def test_a_text_that_was_moved_to_another_row_is_not_shown(api: Api):
    first, second = await written(api), await written(api, claim_amount=101)
    api.execute(
        "ALTER TABLE dispositions DISABLE TRIGGER dispositions_append_only; "
        f"UPDATE dispositions SET note_sealed = (SELECT note_sealed FROM dispositions WHERE claim_id = '{first}' "
        "AND note_sealed IS NOT NULL) "
        f"WHERE claim_id = '{second}'; ALTER TABLE dispositions ENABLE TRIGGER dispositions_append_only"
    )
    assert (await api.get(f"/v1/claims/{second}/dispositions", role="investigator")).status_code == 500
    assert (await api.get(f"/v1/claims/{first}/dispositions", role="investigator")).status_code == 200


def store_in_clear(api: Api) -> None:
    """As the release before stored it."""
    for table, column, value in (
        ("decisions", "note", "CASE number WHEN 1 THEN 'seen by ' ELSE 'agreed with ' END || '" + SENTINEL + "'"),
        ("appeals", "reason", f"'{REASONED['reason']}'"),
        ("appeal_decisions", "note", f"'{WRITTEN['outcome']}'"),
        ("dispositions", "note", f"'{FINDING['note']}'"),
    ):
        trigger = f"ALTER TABLE {table} {{}} TRIGGER {table}_append_only"
        api.execute(
            f"{trigger.format('DISABLE')}; UPDATE {table} SET {column} = {value}, {column}_sealed = NULL "
            f"WHERE {column}_sealed IS NOT NULL; "
            f"{trigger.format('ENABLE')}"
        )


async def test_what_an_earlier_release_stored_in_clear_is_encrypted(api: Api):
    claim_id = await written(api)
    store_in_clear(api)
    counts = json.loads((await crypto(api, "status", "--json")).stdout)["values"]
    assert counts == dict.fromkeys(counts, 0) | {
        "decisions.note": 2,
        "appeals.reason": 1,
        "appeal_decisions.note": 1,
        "dispositions.note": 1,
    }
    done = await crypto(api, "encrypt", "--json")
    shown = {"encrypted": 5 + 3, "left": 0, "indexed": 3, "unindexed": 0}
    assert (done.exit_code, json.loads(done.stdout)) == (0, shown), done.output
    assert [one for one in TABLES if in_clear(api, one)] == []
    assert await texts_of(api, claim_id) == WRITTEN
    with pytest.raises(Exception, match="append only"):
        api.execute("UPDATE dispositions SET note = 'x'")
    assert (await erase(api, "M123", "--reason", "request 7")).exit_code == 0
    assert (await texts_of(api, claim_id))["decisions"] == [None, None]


@asynccontextmanager
async def changing(api: Api, table: str) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """A transaction that has changed a table, until what the block gets is called."""
    database = Database(api.url, pool_size=1)
    connection = await database.engine.connect()
    await connection.exec_driver_sql(f"LOCK TABLE {table} IN ROW EXCLUSIVE MODE")
    yield connection.rollback
    await connection.close()
    await database.close()


@pytest.mark.parametrize("table", ["decisions", "registry_history"])
async def test_claims_are_decided_while_the_encryption_waits_for_a_table(api: Api, table: str):
    """The encryption pauses while another transaction goes on, and nobody queues behind it."""
    claim_id = await written(api)
    store_in_clear(api)
    database, keys = Database(api.url, pool_size=1), api.dependencies.field_keys
    pauses = 0
    async with changing(api, table) as end:

        async def pause(seconds: float) -> None:
            nonlocal pauses
            pauses += 1
            assert (await decide(api, await held(api, member_id="M124"), NOTED)).status_code == 201
            await end()

        await encrypt_identities(database, keys, lambda rows: None, pause)
        await encrypt_values(database, keys, lambda rows: None, pause)
    await database.close()
    assert pauses == 1
    assert [one for one in TABLES if in_clear(api, one)] == []
    assert await texts_of(api, claim_id) == WRITTEN


async def test_a_text_that_is_erased_while_it_is_encrypted_stays_erased(api: Api):
    claim_id = await written(api)
    store_in_clear(api)
    database, keys = Database(api.url, pool_size=1), api.dependencies.field_keys
    async with changing(api, "decisions") as end:

        async def pause(seconds: float) -> None:
            await end()
            assert (await erase(api, "M123", "--reason", "request 7")).exit_code == 0

        await encrypt_values(database, keys, lambda rows: None, pause)
    await database.close()
    assert api.rows("SELECT note, note_sealed FROM decisions WHERE num_nonnulls(note, note_sealed) > 0") == []
    assert (await texts_of(api, claim_id))["decisions"] == [None, None]


async def test_no_data_key_has_the_id_of_the_keys_of_members(api: Api):
    await api.submit(MINIMAL, **{"Idempotency-Key": "k-1"})
    assert api.rows("SELECT min(key_id) > 1 FROM data_keys") == [(True,)]
