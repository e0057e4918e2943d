"""`ginja crypto rotate --member-keys`: a new key for each member, and everything under the one before moved to it."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta

import psycopg
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import text

from api.database import Database
from api.field_keys import (
    KEYS,
    MEMBER_VALUES,
    SEALED_COLUMNS,
    FieldKeys,
    MemberKey,
    RenewalReport,
    fresh_key,
    keys_of_claims,
    member_key,
    renew_member_keys,
    unfinished_renewal,
    unwrapped,
)
from api.members import MemberRow
from api.migrate import plain_url
from cli.main import main
from cli.platform.crypto import RENEWAL_LOCK
from core.errors import DecryptionError
from core.field_encryption import SealingKey, place
from core.settings import Settings
from tests.api.decisions import DENY, decide, held, pend
from tests.api.makers import ENCRYPTION_KEY, MINIMAL, Api
from tests.api.rescreening import opened
from tests.api.test_erasure import erase
from tests.api.test_sealed_texts import WRITTEN, texts_of, written

PERSON = {"name": "Zoraida Quixley", "birth_date": "1947-11-23", "sex": "F"}
COVER = {"plan_id": "PL2", "first_day": "2020-01-01"}


class Ended(Exception):
    """The command was ended."""


def field_keys(api: Api) -> FieldKeys:
    return FieldKeys(Settings(encryption_keys=SecretStr(ENCRYPTION_KEY)), api.url)


async def renew(
    api: Api, progress: Callable[[str, int], None] = lambda column, rows: None, member_id: str | None = None
) -> RenewalReport:
    """As a process of its own does it, without waiting."""

    async def pause(seconds: float) -> None:
        await asyncio.sleep(0)

    database = Database(api.url, pool_size=1)
    try:
        return await renew_member_keys(database, field_keys(api), progress, pause, member_id)
    finally:
        await database.close()


async def key_ids(api: Api, member_id: str) -> list[int]:
    """Of the keys of a member, newest first; the first generation is 1."""
    ((wrapped,),) = api.rows("SELECT wrapped_key FROM member_keys WHERE member_id = %s", member_id)
    own = await member_key(field_keys(api), MemberKey(member_id, wrapped))
    assert own is not None
    return [one if one == 1 else one - 2**31 for one in (own.key_id, *own.earlier)]


def sealed_by_first_keys(api: Api) -> dict[str, int]:
    """Values under keys of the first generation, by place; 0 where there are none, and -1 where nothing is sealed."""
    counts = {}
    for one in MEMBER_VALUES:
        statement = f"SELECT count(*) FILTER (WHERE get_byte({one.value}, 1) = 0), count({one.value}) FROM {one.table} "
        ((first, every),) = api.rows(f"{statement} AS one {one.member}")
        counts[one.name] = first if every else -1
    return counts


def test_every_column_under_a_members_key_is_moved():
    moved = {one.name for one in MEMBER_VALUES}
    assert {one.name for one in SEALED_COLUMNS if one.claim is not None} <= moved
    identities = {f"members.{name}" for name in (one.name for one in MemberRow.__table__.c) if name.endswith("_sealed")}
    assert identities <= moved
    assert {one.replace("members.", "registry_history.state.") for one in identities} <= moved


async def test_all_that_a_key_sealed_is_moved_and_read_and_the_key_is_dropped(api: Api):
    claim_id = await written(api)
    finding = opened(api, await held(api, claim_amount=150))
    closed = await api.post(
        f"/v1/rescreening-findings/{finding}/close", {"reason": "no_action", "note": "asked"}, role="investigator"
    )
    assert closed.status_code == 200, closed.text
    assert (await decide(api, await held(api, claim_amount=160), pend())).status_code == 201
    void = (await api.submit(MINIMAL | {"claim_amount": 170})).json()["claim_id"]
    done = await api.post(f"/v1/claims/{void}/void", {"reason": "entered twice"}, role="claims_system")
    assert done.status_code == 200, done.text
    await identify(api)
    before = sealed_by_first_keys(api)
    assert all(count > 0 for count in before.values()), before
    report = await renew(api)
    assert (report.resumed, sum(report.left.values()), report.unreadable) == (False, 0, {})
    assert report.rows == before
    assert set(sealed_by_first_keys(api).values()) == {0}
    assert await texts_of(api, claim_id) == WRITTEN
    assert (await api.get("/v1/members/M123")).json()["name"] == "Zoraida Quixley"
    assert await key_ids(api, "M123") == [2]
    again = await renew(api)
    assert again.rows == before
    assert await key_ids(api, "M123") == [3]
    assert await texts_of(api, claim_id) == WRITTEN
    with pytest.raises(Exception, match="append only"):
        api.execute("UPDATE decisions SET note = 'x'")


async def identify(api: Api) -> None:
    """Store who M123 is, and an earlier state, as a load does: without an entry of the audit log."""
    keys, database = field_keys(api), Database(api.url, pool_size=1)
    async with database.transaction() as connection:
        claim_id = await connection.scalar(text("SELECT min(claim_id) FROM claims WHERE member_id = 'M123'"))
        own = (await keys_of_claims(connection, keys, [str(claim_id)]))[str(claim_id)]
        for name in ("Zoraida Marsh", "Zoraida Quixley"):
            sealed = {
                column: own.seal(value.encode(), place("members", column, "M123"))
                for column, value in (
                    ("name_sealed", name),
                    ("birth_date_sealed", PERSON["birth_date"]),
                    ("sex_sealed", PERSON["sex"]),
                )
            }
            given = ", ".join(f"{column} = :{column}" for column in sealed)
            clear = "name = NULL, birth_date = NULL, sex = NULL"
            await connection.execute(text(f"UPDATE members SET {clear}, {given} WHERE member_id = 'M123'"), sealed)
    await database.close()


async def test_a_change_in_the_audit_log_keeps_the_key_that_sealed_it(api: Api):
    made = await api.post("/v1/members", {"member_id": "Q1", **PERSON, **COVER})
    assert made.status_code == 201, made.text
    changed = api.rows("SELECT change FROM audit_log WHERE subject_id = 'Q1' AND change IS NOT NULL")
    assert changed
    report = await renew(api, member_id="Q1")
    assert (report.rotation_id, report.renewed, report.dropped, report.kept.audit_log) == (None, 1, 0, 1)
    assert await key_ids(api, "Q1") == [2, 1]
    assert api.rows("SELECT change FROM audit_log WHERE subject_id = 'Q1' AND change IS NOT NULL") == changed
    assert (await api.get("/v1/members/Q1")).json()["name"] == PERSON["name"]


async def test_a_member_with_archived_claims_keeps_its_keys(api: Api):
    await written(api)
    api.execute(
        "INSERT INTO archives (archive, kind, folder, begun_at) VALUES ('a', 'closed_claims', '/x', now()); "
        "INSERT INTO archived_claims (claim_id, archive, member_id, provider_id, received_at) "
        "VALUES ('clm_gone', 'a', 'M123', 'P1', now())"
    )
    report = await renew(api)
    assert (report.kept.archives, await key_ids(api, "M123")) == (1, [2, 1])


async def test_a_run_that_was_ended_goes_on_while_claims_are_read_and_written(
    api: Api, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("api.field_keys.renewal.BATCH", 1)
    monkeypatch.setattr("api.field_keys.member_values.BATCH", 1)
    claims = [await written(api), await written(api, member_id="M124")]
    done = asyncio.Event()
    turns = 0

    async def read_and_write() -> None:
        nonlocal turns
        while not done.is_set() or turns < 3:
            for claim_id in claims:
                assert (await texts_of(api, claim_id))["reason"] == WRITTEN["reason"]
            new = await held(api, claim_amount=200 + turns)
            assert (await decide(api, new, DENY | {"note": f"turn {turns}"})).status_code == 201
            turns += 1

    async def end_each_batch() -> RenewalReport:
        ended: set[str] = set()

        def end(column: str, rows: int) -> None:
            if column not in ended:
                ended.add(column)
                raise Ended

        for _ in range(30):
            try:
                return await renew(api, end)
            except Ended:
                continue
        raise AssertionError("a run of it never ends")

    async def rotate() -> RenewalReport:
        try:
            report = await end_each_batch()
            assert len(api.rows("SELECT FROM key_rotations WHERE of_members")) == 1
            return report
        finally:
            done.set()

    _, report = await asyncio.gather(read_and_write(), rotate())
    assert report.resumed
    while sum(report.left.values()):
        report = await renew(api)
    for claim_id in claims:
        assert await texts_of(api, claim_id) == WRITTEN
    assert await key_ids(api, "M124") == [2], "renewed once, however often the run was ended"
    database = Database(api.url, pool_size=1)
    assert await unfinished_renewal(database) is None
    await database.close()


async def test_a_key_that_is_about_to_seal_is_left_for_the_next_run(api: Api):
    claim_id = await written(api)
    writing = Database(api.url, pool_size=1)
    async with writing.transaction() as connection:
        sealing = (await keys_of_claims(connection, field_keys(api), [claim_id]))[claim_id]
        report = await renew(api)
        assert (report.left[KEYS] > 0, report.dropped) == (True, 0)
        assert await key_ids(api, "M123") == [1]
    assert sealing.key_id == 1
    report = await renew(api)
    assert (report.resumed, sum(report.left.values()), await key_ids(api, "M123")) == (True, 0, [2])
    await writing.close()


async def test_a_value_that_is_being_changed_keeps_its_key_until_it_is_moved(api: Api):
    void = (await api.submit()).json()["claim_id"]
    await api.post(f"/v1/claims/{void}/void", {"reason": "entered twice"}, role="claims_system")
    changing = Database(api.url, pool_size=1)
    async with changing.transaction() as connection:
        await connection.execute(text("SELECT FROM claims WHERE claim_id = :claim FOR UPDATE"), {"claim": void})
        report = await renew(api)
        assert (report.left["claims.void_reason_sealed"], report.dropped) == (1, 0)
    assert await key_ids(api, "M123") == [2, 1]
    report = await renew(api)
    assert (report.resumed, report.renewed, report.dropped, await key_ids(api, "M123")) == (True, 0, 1, [2])
    await changing.close()


async def test_a_value_that_cannot_be_decrypted_is_counted_and_its_key_stays(api: Api):
    await written(api)
    finding = opened(api, await held(api, claim_amount=150))
    await api.post(
        f"/v1/rescreening-findings/{finding}/close", {"reason": "no_action", "note": "asked"}, role="investigator"
    )
    api.execute(
        "UPDATE rescreening_findings SET note_sealed = set_byte(note_sealed, 30, get_byte(note_sealed, 30) # 1)"
    )
    void = (await api.submit(MINIMAL | {"claim_amount": 170})).json()["claim_id"]
    api.execute(f"UPDATE claims SET void_reason_sealed = '\\x0180' WHERE claim_id = '{void}'")
    report = await renew(api)
    assert report.unreadable == {"rescreening_findings.note_sealed": 1}
    assert (sum(report.left.values()), await key_ids(api, "M123")) == (0, [2, 1])


async def test_an_erased_member_gets_no_key_and_an_erasure_destroys_every_one(api: Api):
    claim_id = await written(api)
    await written(api, member_id="M124")
    assert (await erase(api, "M124", "--reason", "request 7")).exit_code == 0
    await renew(api)
    assert api.rows("SELECT wrapped_key, generation FROM member_keys WHERE member_id = 'M124'") == [(None, 1)]
    assert (await erase(api, "M123", "--reason", "request 8")).exit_code == 0
    assert (await texts_of(api, claim_id))["outcome"] is None
    assert api.rows("SELECT wrapped_key FROM member_keys WHERE member_id = 'M123'") == [(None,)]


async def test_the_command_reports_in_json_and_refuses_a_member_without_a_key(
    api: Api, monkeypatch: pytest.MonkeyPatch
):
    await written(api)
    monkeypatch.setattr("api.field_keys.renewal.SETTLED_AFTER", timedelta(0))
    env = {"GINJA_DATABASE_URL": api.url, "GINJA_ENCRYPTION_KEYS": ENCRYPTION_KEY}

    def run(*words: str) -> "tuple[int, str]":
        done = CliRunner().invoke(main, ("crypto", "rotate", *words), env=env)
        return done.exit_code, done.output if done.exit_code else done.stdout

    code, shown = await asyncio.to_thread(run, "--member-keys", "--member", "M123", "--json")
    assert code == 0, shown
    assert (json.loads(shown)["renewed"], json.loads(shown)["dropped"]) == (1, 1)
    code, shown = await asyncio.to_thread(run, "--member-keys")
    assert code == 0, shown
    assert "members have new keys" in shown
    with psycopg.connect(plain_url(api.url)) as other:
        other.execute(RENEWAL_LOCK)
        code, shown = await asyncio.to_thread(run, "--member-keys")
        assert (code, "Another run replaces members' keys" in shown) == (1, True), shown
    code, shown = await asyncio.to_thread(run, "--member-keys", "--member", "M999")
    assert code != 0
    assert "M999 has no key" in shown
    code, shown = await asyncio.to_thread(run, "--member", "M123")
    assert code == 2
    assert "--member-keys" in shown


@given(st.integers(1, 6), st.sets(st.integers(0, 5)), st.binary(max_size=40))
def test_what_any_kept_generation_sealed_is_opened_and_no_other(generations: int, kept: set[int], value: bytes):
    wrapping = SealingKey(7, bytes(32))
    wrapped, sealed = fresh_key(wrapping, "M1"), []
    for generation in range(1, generations + 1):
        own = unwrapped(wrapping, "M1", wrapped)
        sealed.append((own.key_id, own.seal(value, b"place")))
        if generation < generations:
            wrapped = own.succeeded(wrapping, "M1", generation + 1)
    keep = {key_id for number, (key_id, _) in enumerate(sealed) if number in kept}
    own = unwrapped(wrapping, "M1", unwrapped(wrapping, "M1", wrapped).wrapped(wrapping, "M1", keep))
    for key_id, one in sealed:
        if key_id == own.key_id or key_id in keep:
            assert own.open(one, b"place") == value
        else:
            with pytest.raises(DecryptionError, match="another key"):
                own.open(one, b"place")
