"""What people and systems send is nowhere in clear in the database while it waits or is kept to be repeated."""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from api.field_keys import BACKFILLED, REPLIES, STORED_REPLY
from core import clock
from core.field_encryption import SealingKey
from core.field_encryption.key_ring import CURRENT_FOR
from tests.api.bulk_files import ndjson, submit_all, upload
from tests.api.bulk_files import state as upload_state
from tests.api.makers import MINIMAL, Api
from tests.api.tasks import carry_out, queued, state
from tests.api.test_identities import crypto

SENTINEL = "Zoraida-Quixley"
NAMED = MINIMAL | {"attributes": {"referral": SENTINEL}}
KEYED = {"Idempotency-Key": "k-1"}


def in_clear(api: Api, table: str) -> bool:
    """Whether a table has the sentinel, as text or in bytes."""
    stored = "\n".join(str(row) for row in api.rows(f"SELECT * FROM {table}"))
    return SENTINEL in stored or SENTINEL.encode().hex() in stored


async def test_a_stored_reply_is_encrypted_and_repeated_byte_for_byte(api: Api):
    first = await api.submit(NAMED, **KEYED)
    assert api.rows("SELECT body FROM idempotency_keys") == [(None,)]
    assert not in_clear(api, "idempotency_keys")
    again = await api.submit(NAMED, **KEYED)
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotency-replayed"] == "true"


async def test_a_reply_of_another_key_or_one_that_was_changed_is_not_repeated(api: Api):
    await api.submit(NAMED, **KEYED)
    await api.submit(NAMED, **{"Idempotency-Key": "k-2"})
    api.execute(
        "UPDATE idempotency_keys AS one SET body_sealed = other.body_sealed FROM idempotency_keys AS other "
        "WHERE one.key = 'k-1' AND other.key = 'k-2'"
    )
    assert (await api.submit(NAMED, **KEYED)).status_code == 500
    api.execute("UPDATE idempotency_keys SET body_sealed = set_byte(body_sealed, 20, get_byte(body_sealed, 20) # 1)")
    assert (await api.submit(NAMED, **{"Idempotency-Key": "k-2"})).status_code == 500
    assert api.count("claims") == 2, "nothing was decided again"


async def test_a_reply_of_another_route_is_encrypted_too(api: Api):
    claim = (await api.submit(NAMED)).json()["claim_id"]
    path, body = f"/v1/claims/{claim}/void", {"reason": SENTINEL}
    headers = {**api.as_("claims_system"), **KEYED}
    first = await api.client.post(path, json=body, headers=headers)
    assert first.status_code == 200, first.text
    assert not in_clear(api, "idempotency_keys")
    again = await api.client.post(path, json=body, headers=headers)
    assert (again.content, again.headers["idempotency-replayed"]) == (first.content, "true")


async def test_a_claim_that_waits_is_encrypted_and_so_is_its_answer(api: Api):
    task_id = await queued(api, NAMED)
    assert not in_clear(api, "tasks")
    assert await carry_out(api, task_id)
    assert not in_clear(api, "tasks")
    answered = (await state(api, task_id))["response"]
    assert (answered["status"], answered["body"]["attributes"]) == (201, NAMED["attributes"])
    assert api.rows("SELECT result FROM tasks") == [({"status": 201, "location": answered["location"]},)]


async def test_a_task_whose_content_was_changed_is_not_carried_out(api: Api):
    task_id = await queued(api, NAMED)
    api.execute("UPDATE tasks SET payload_sealed = set_byte(payload_sealed, 20, get_byte(payload_sealed, 20) # 1)")
    assert await carry_out(api, task_id)
    assert api.rows("SELECT state, attempts, split_part(error, ':', 1) FROM tasks") == [
        ("queued", 1, "DecryptionError")
    ]
    assert api.count("claims") == 0


async def test_an_uploaded_file_is_encrypted_until_its_claims_were_submitted(api: Api):
    job_id = await upload(api, ndjson(NAMED, NAMED))
    assert not in_clear(api, "bulk_chunks")
    await submit_all(api)
    assert (await upload_state(api, job_id))["accepted"] == 2


async def test_a_part_of_an_upload_that_was_moved_is_not_submitted(api: Api):
    await upload(api, ndjson(NAMED))
    job_id = await upload(api, ndjson(MINIMAL, MINIMAL))
    api.execute(
        f"UPDATE bulk_chunks SET content_sealed = (SELECT content_sealed FROM bulk_chunks WHERE job_id <> '{job_id}') "
        f"WHERE job_id = '{job_id}'; DELETE FROM bulk_jobs WHERE job_id <> '{job_id}'"
    )
    await submit_all(api)
    assert (await upload_state(api, job_id))["accepted"] == 0


def as_text(value: Any) -> bytes:
    return json.dumps(value).encode()


async def an_earlier_release_stored(api: Api) -> Mapping[str, Callable[[], Any]]:
    """Rows as the release before stored them, and what reads each."""
    reply = await api.submit(NAMED, **KEYED)
    waiting, done = await queued(api, NAMED), await queued(api, NAMED)
    await carry_out(api, done)
    answer = (await state(api, done))["response"]
    file = ndjson(NAMED)
    await upload(api, file)
    for table, column, value, where in (
        ("idempotency_keys", "body", reply.content, "key = 'k-1'"),
        ("tasks", "payload", as_text(NAMED), f"task_id = '{waiting}'"),
        ("bulk_chunks", "content", file, "true"),
    ):
        api.rows(f"UPDATE {table} SET {column}_sealed = NULL, {column} = %s WHERE {where} RETURNING 1", value)
    api.rows(
        "UPDATE tasks SET body_sealed = NULL, result = %s WHERE task_id = %s RETURNING 1", json.dumps(answer), done
    )

    async def repeated() -> object:
        again = await api.submit(NAMED, **KEYED)
        return again.headers["idempotency-replayed"], again.content == reply.content

    async def answered() -> object:
        return (await state(api, done))["response"] == answer

    return {"reply": repeated, "answer": answered}


async def test_what_an_earlier_release_stored_is_read_and_then_encrypted(api: Api):
    reads = await an_earlier_release_stored(api)
    expected = {"reply": ("true", True), "answer": True}
    assert {name: await read() for name, read in reads.items()} == expected
    found = await crypto(api, "status", "--json")
    counts = json.loads(found.stdout)["values"]
    assert {f"{one.table}.{one.clear}" for one in BACKFILLED} <= set(counts)
    assert {name for name, rows in counts.items() if rows} == {
        *("idempotency_keys.body", "tasks.payload", "tasks.result", "bulk_chunks.content")
    }
    assert found.exit_code == 1
    done = await crypto(api, "encrypt", "--json")
    assert (done.exit_code, json.loads(done.stdout)["left"]) == (0, 0), done.output
    assert not any(in_clear(api, table) for table in ("idempotency_keys", "tasks", "bulk_chunks"))
    assert {name: await read() for name, read in reads.items()} == expected
    await submit_all(api)
    for (task_id,) in api.rows("SELECT task_id FROM tasks WHERE state = 'queued'"):
        await carry_out(api, task_id)
    assert api.count("claims") == 4, "one of each of the four ways"


async def test_a_row_that_is_being_changed_is_left_for_the_next_run(api: Api):
    for name in ("k-1", "k-2"):
        await api.submit(NAMED, **{"Idempotency-Key": name})
    api.execute("UPDATE idempotency_keys SET body_sealed = NULL, body = 'x'")
    async with api.database.transaction() as connection:
        await connection.exec_driver_sql("SELECT FROM idempotency_keys WHERE key = 'k-1' FOR UPDATE")
        done = json.loads((await crypto(api, "encrypt", "--json")).stdout)
    assert done["left"] == 1
    assert json.loads((await crypto(api, "encrypt", "--json")).stdout)["left"] == 0


@pytest.fixture
def looks(api: Api, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Purposes whose newest key was looked up, in their order."""
    found: list[str] = []
    source = api.dependencies.field_keys.ring._source
    newest = source.newest

    def noted(purpose: str):
        found.append(purpose)
        return newest(purpose)

    monkeypatch.setattr(source, "newest", noted)
    return found


async def test_claims_do_not_look_the_key_of_replies_up_again(api: Api, looks: list[str]):
    for number in range(5):
        assert (await api.submit(NAMED, **{"Idempotency-Key": f"k-{number}"})).status_code == 201
    assert looks == [], "it was loaded when the API started"


async def test_a_key_is_looked_up_again_before_it_is_too_old_and_beside_the_work(
    api: Api, looks: list[str], monkeypatch: pytest.MonkeyPatch
):
    keys = api.dependencies.field_keys
    first = await keys.current(REPLIES)
    now = clock.now() + CURRENT_FOR * 0.75
    monkeypatch.setattr(clock, "now", lambda: now)
    assert await keys.current(REPLIES) is first, "nothing waits for the look-up"
    await keys.renewed()
    now += CURRENT_FOR * 0.75
    assert keys.ring.cached_current(REPLIES) is not None, "it counts from the look-up"
    assert looks == [REPLIES]


async def test_a_look_up_that_fails_beside_the_work_leaves_the_key_in_use_until_it_is_too_old(
    api: Api, monkeypatch: pytest.MonkeyPatch
):
    keys = api.dependencies.field_keys
    first = await keys.current(REPLIES)
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now)
    monkeypatch.setattr(keys.ring, "_source", Unavailable())
    now += CURRENT_FOR * 0.75
    assert await keys.current(REPLIES) is first
    await keys.renewed()
    assert await keys.current(REPLIES) is first
    await keys.renewed()
    now += timedelta(seconds=CURRENT_FOR.total_seconds())
    with pytest.raises(psycopg.OperationalError, match="unavailable"):
        await keys.current(REPLIES)


class Unavailable:
    def newest(self, purpose: str) -> None:
        raise psycopg.OperationalError("unavailable")


def test_values_of_two_rows_with_alike_keys_have_different_places():
    key = SealingKey(7, bytes(32))
    sealed = STORED_REPLY.seal(key, b"x", "key_1", "a")
    assert key.open(sealed, STORED_REPLY.at("key_1", "a")) == b"x"
    assert STORED_REPLY.at("key_1", "a b") != STORED_REPLY.at("key_1 a", "b")
