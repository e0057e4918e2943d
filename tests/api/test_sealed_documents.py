"""Documents that an appeal or a reviewer names have the key of the claim's member, and are read as they were sent."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.api.appeals import APPEAL, denied, filed
from tests.api.decisions import decide, held, pend
from tests.api.makers import Api
from tests.api.test_erasure import erase
from tests.api.test_identities import crypto
from tests.api.test_lost_keys import OF_LOST_KEY
from tests.api.test_member_export import content_of, export
from tests.api.test_sealed_columns import SENTINEL, in_clear

NAMES = [f"report about {SENTINEL}", "bill"]
SENT = [APPEAL["documents"][0] | {"name": f"letter of {SENTINEL}"}]  # type: ignore[index]
TABLES = ("decisions", "appeals")


async def written(api: Api, **changes: Any) -> tuple[str, str]:
    """A claim that waits for documents, and an appeal with documents."""
    waiting = await held(api, **changes)
    assert (await decide(api, waiting, pend(documents=NAMES))).status_code == 201
    appealed = await denied(api, **changes | {"claim_amount": 101 + changes.get("claim_amount", 0)})
    await filed(api, appealed, body=APPEAL | {"documents": SENT})
    return waiting, appealed


async def read(api: Api, waiting: str, appealed: str) -> Mapping[str, object]:
    """The documents, in each place where they are read."""
    claim = (await api.get(f"/v1/claims/{waiting}", role="provider")).json()
    listed = (await api.get("/v1/claims", role="insurer")).json()["claims"]
    decisions = (await api.get(f"/v1/claims/{waiting}/decisions", role="lead_investigator")).json()["decisions"]
    (appeal,) = (await api.get(f"/v1/claims/{appealed}/appeals", role="lead_investigator")).json()["appeals"]
    return {
        "claim": claim["decision"]["documents"],
        "list": [one["decision"]["documents"] for one in listed if one["claim_id"] == waiting],
        "decision": [one["documents"] for one in decisions],
        "appeal": appeal["documents"],
    }


READ = {"claim": NAMES, "list": [NAMES], "decision": [NAMES], "appeal": SENT}
ERASED = {"claim": [], "list": [[]], "decision": [[]], "appeal": []}


def change(api: Api, table: str, changes: str, where: str) -> None:
    trigger = f"ALTER TABLE {table} {{}} TRIGGER {table}_append_only"
    api.execute(f"{trigger.format('DISABLE')}; UPDATE {table} SET {changes} WHERE {where}; {trigger.format('ENABLE')}")


def store_in_clear(api: Api) -> None:
    """As the release before stored them."""
    names = "ARRAY[" + ", ".join(f"'{one}'" for one in NAMES) + "]"
    change(api, "decisions", f"documents = {names}, documents_sealed = NULL", "documents_sealed IS NOT NULL")
    change(api, "appeals", f"documents = '{json.dumps(SENT)}', documents_sealed = NULL", "true")


async def test_documents_are_read_as_they_were_sent_and_stored_encrypted(api: Api):
    claims = await written(api)
    assert await read(api, *claims) == READ
    assert [one for one in TABLES if in_clear(api, one)] == []


async def test_an_erasure_reaches_documents_and_those_of_others_stay(api: Api):
    claims, others = await written(api), await written(api, member_id="M124")
    assert (await erase(api, "M123", "--reason", "request 7")).exit_code == 0
    assert await read(api, *claims) == ERASED
    assert await read(api, *others) == READ


async def test_what_an_earlier_release_stored_in_clear_is_read_and_then_encrypted(api: Api):
    claims = await written(api)
    store_in_clear(api)
    assert await read(api, *claims) == READ
    counts = json.loads((await crypto(api, "status", "--json")).stdout)["values"]
    assert {name: count for name, count in counts.items() if count} == {
        "decisions.documents": 1,
        "appeals.documents": 1,
    }
    done = await crypto(api, "encrypt", "--json")
    assert (done.exit_code, json.loads(done.stdout)["left"]) == (0, 0), done.output
    assert [one for one in TABLES if in_clear(api, one)] == []
    assert await read(api, *claims) == READ


async def test_an_erasure_reaches_what_an_earlier_release_stored_in_clear(api: Api):
    claims = await written(api)
    store_in_clear(api)
    assert (await erase(api, "M123", "--reason", "request 7")).exit_code == 0
    assert [one for one in TABLES if in_clear(api, one)] == []
    assert await read(api, *claims) == ERASED


async def test_where_their_key_is_lost_names_of_documents_say_so_and_the_claim_is_read(api: Api):
    claims = await written(api)
    for table, columns in (("decisions", ("documents_sealed",)), ("appeals", ("documents_sealed", "reason_sealed"))):
        lost = ", ".join(f"{one} = {OF_LOST_KEY.format(one)}" for one in columns)
        change(api, table, lost, "documents_sealed IS NOT NULL")
    found = await read(api, *claims)
    assert [one.partition(":")[0] for one in found["claim"]] == ["lost"]  # type: ignore[attr-defined]
    assert found["appeal"] == []
    (appeal,) = (await api.get(f"/v1/claims/{claims[1]}/appeals", role="lead_investigator")).json()["appeals"]
    assert appeal["reason"].startswith("lost: ")


async def test_documents_of_another_decision_are_not_shown(api: Api):
    (first, _), (second, _) = await written(api), await written(api, claim_amount=102)
    of_first = f"(SELECT documents_sealed FROM decisions WHERE claim_id = '{first}')"
    change(api, "decisions", f"documents_sealed = {of_first}", f"claim_id = '{second}'")
    assert (await api.get(f"/v1/claims/{second}", role="provider")).status_code == 500
    assert (await api.get(f"/v1/claims/{first}", role="provider")).status_code == 200


async def test_documents_are_exported_until_the_member_is_erased(api: Api, tmp_path: Path):
    await written(api)

    async def exported(name: str) -> tuple[list[object], list[object]]:
        done = await export(api, tmp_path / name, "M123")
        assert done.exit_code == 0, done.output
        content = content_of(tmp_path / name)
        decisions = [one["documents"] for one in content["decisions.ndjson"] if one["effect"] == "pended"]
        return decisions, [one["documents"] for one in content["appeals.ndjson"]]

    assert await exported("a.zip") == ([NAMES], [SENT])
    assert (await erase(api, "M123", "--reason", "request 7")).exit_code == 0
    assert await exported("b.zip") == ([[]], [[]])
