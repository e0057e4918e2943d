"""Keys are rotated while requests are answered: no read fails, nothing is lost, and nothing stays under an old key."""

import asyncio
import importlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from click.testing import CliRunner
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy import LargeBinary

from api.database import Database
from api.field_keys import (
    ROTATED_COLUMNS,
    SEALED_COLUMNS,
    FieldKeys,
    RotationReport,
    left_under,
    rotate,
    unfinished_rotation,
)
from api.field_keys.rotation import SETTLED_AFTER
from api.members import MemberIndexKeys
from api.tables import Base
from cli.main import main
from core import clock
from core.errors import DecryptionError
from core.field_encryption import KEY_FILE
from core.settings import Settings
from tests.api.makers import ENCRYPTION_KEY, MINIMAL, Api, running_api
from tests.api.signing_in import investigator, refresh
from tests.api.webhooks import registered
from tests.core.test_encryption import NEW
from tests.core.vault_server import TOKEN, FakeVault, vault_server

PERSON = {"name": "Zoraida Quixley", "birth_date": "1947-11-23", "sex": "F"}
COVER = {"plan_id": "PL2", "first_day": "2020-01-01"}
BOTH = Settings(encryption_keys=SecretStr(f"{NEW},{ENCRYPTION_KEY}"))
"""The new master key before the old one."""


@pytest.fixture
def vault() -> Iterator[FakeVault]:
    with vault_server() as server:
        yield server


class Ended(Exception):
    """The command was ended."""


@pytest_asyncio.fixture
async def api(seeded_url: str) -> AsyncIterator[Api]:
    """The API while its master key is the old one, and the new one has been added."""
    async with running_api(seeded_url, encryption_keys=f"{ENCRYPTION_KEY},{NEW}") as running:
        yield running


@dataclass
class Rotator:
    """`ginja crypto rotate` of a process of its own, that waits for nobody."""

    url: str
    settings: Settings = BOTH
    waits: list[float] = field(default_factory=list)
    batches: list[tuple[str, int]] = field(default_factory=list)

    async def run(self, progress: Callable[[str, int], None] | None = None) -> RotationReport:
        async def settle(seconds: float) -> None:
            self.waits.append(seconds)

        def note(column: str, rows: int) -> None:
            self.batches.append((column, rows))

        database = Database(self.url, pool_size=1)
        try:
            keys = FieldKeys(self.settings, self.url)
            derived = [MemberIndexKeys()]
            return await rotate(database, self.settings, keys, progress or note, settle, derived)
        finally:
            await database.close()


async def add_members(api: Api, count: int) -> list[str]:
    ids = [f"R{number:04}" for number in range(count)]
    for member_id in ids:
        made = await api.post("/v1/members", {"member_id": member_id, **PERSON, **COVER})
        assert made.status_code == 201, made.text
    return ids


async def test_everything_is_moved_and_the_old_master_key_is_needed_no_more(api: Api):
    (member,) = await add_members(api, 1)
    reply = await api.submit(MINIMAL, **{"Idempotency-Key": "k-1"})
    await registered(api, "http://127.0.0.1:9/x")
    person = await investigator(api)
    tokens = await person.sign_in()
    pending = await person.send("totp", code=person.code(clock.now() + timedelta(seconds=30)))
    assert pending.status_code == 200, pending.text
    renewed = (await refresh(api, tokens["refresh_token"])).json()
    secrets = api.rows("SELECT ciphertext FROM webhook_secrets")
    rotator = Rotator(api.url)
    report = await rotator.run()
    assert (report.resumed, sum(report.left.values())) == (False, 0)
    moved = {column for column, rows in report.rows.items() if rows}
    assert moved == {
        "member_keys.wrapped_key",
        "member_search.entry",
        "idempotency_keys.body_sealed",
        "users.login_sealed",
        "users.totp_secret",
        "users.pending_totp_secret",
        "token_keys.private_key",
        "refresh_tokens.successor",
        "webhook_secrets.ciphertext",
    }
    assert api.rows("SELECT ciphertext FROM webhook_secrets") != secrets
    assert 0 < rotator.waits[0] <= SETTLED_AFTER.total_seconds()
    async with running_api(api.url, encryption_keys=NEW) as after:
        assert (await after.get(f"/v1/members/{member}")).json()["name"] == PERSON["name"]
        after.keys.update(api.keys)
        again = await after.submit(MINIMAL, **{"Idempotency-Key": "k-1"})
        assert (again.status_code, again.content) == (201, reply.content)
        retried = await refresh(after, tokens["refresh_token"])
        assert retried.json()["refresh_token"] == renewed["refresh_token"]
        assert (await refresh(after, renewed["refresh_token"])).status_code == 200
        with clock.held(clock.now() + timedelta(minutes=2)):
            person.api = after
            await person.sign_in()


async def test_reads_and_writes_go_on_while_keys_are_rotated(api: Api, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("api.field_keys.rotation.BATCH", 3)
    ids = await add_members(api, 20)
    done = asyncio.Event()
    statuses: list[int] = []

    async def read_and_write() -> None:
        turn = 0
        while not done.is_set() or turn < len(ids):
            read = await api.get(f"/v1/members/{ids[turn % len(ids)]}")
            claim = await api.submit(MINIMAL | {"member_id": ids[turn % len(ids)]}, **{"Idempotency-Key": f"k-{turn}"})
            made = await api.post("/v1/members", {"member_id": f"W{turn}", **PERSON, **COVER})
            statuses.extend((read.status_code, claim.status_code, made.status_code))
            assert read.json()["name"] == PERSON["name"]
            turn += 1

    async def rotate_twice() -> None:
        rotator = Rotator(api.url)
        for _ in range(2):
            await rotator.run()
        assert len([one for one in rotator.batches if one[0] == "member_keys.wrapped_key"]) > 10
        done.set()

    await asyncio.gather(read_and_write(), rotate_twice())
    assert set(statuses) == {200, 201}
    assert statuses.count(200) >= len(ids)


async def test_a_rotation_that_was_ended_between_batches_goes_on_where_it_stopped(
    api: Api, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("api.field_keys.rotation.BATCH", 2)
    ids = await add_members(api, 7)
    rotator = Rotator(api.url)

    def end(column: str, rows: int) -> None:
        raise Ended

    for _ in range(2):
        with pytest.raises(Ended):
            await rotator.run(end)
    database = Database(api.url, pool_size=1)
    unfinished = await unfinished_rotation(database)
    assert unfinished is not None
    assert (await left_under(database, unfinished.after_key_id))["member_keys.wrapped_key"] == 3
    keys_before = api.count("data_keys")
    report = await rotator.run()
    assert (report.rotation_id, report.resumed, report.rows["member_keys.wrapped_key"]) == (
        unfinished.rotation_id,
        True,
        3,
    )
    assert await unfinished_rotation(database) is None
    assert (api.count("data_keys"), api.count("key_rotations")) == (keys_before, 1)
    for member_id in ids:
        assert (await api.get(f"/v1/members/{member_id}")).json()["name"] == PERSON["name"]
    again = await rotator.run()
    assert (again.resumed, again.rotation_id, api.count("key_rotations")) == (False, unfinished.rotation_id + 1, 2)
    await database.close()


async def test_what_is_being_changed_is_left_for_the_next_run_and_erased_members_stay_erased(api: Api):
    ids = await add_members(api, 3)
    api.execute(
        f"UPDATE member_keys SET key_id = NULL, wrapped_key = NULL, erased_at = now() WHERE member_id = '{ids[2]}'"
    )
    database = Database(api.url, pool_size=1)
    async with database.transaction() as connection:
        await connection.exec_driver_sql(f"SELECT FROM member_keys WHERE member_id = '{ids[0]}' FOR UPDATE")
        report = await Rotator(api.url).run()
    assert (report.rows["member_keys.wrapped_key"], report.left["member_keys.wrapped_key"]) == (1, 1)
    assert await unfinished_rotation(database) is not None
    report = await Rotator(api.url).run()
    assert (report.resumed, report.rows["member_keys.wrapped_key"], sum(report.left.values())) == (True, 1, 0)
    assert api.rows(f"SELECT wrapped_key FROM member_keys WHERE member_id = '{ids[2]}'") == [(None,)]
    await database.close()


async def test_a_rotation_moves_data_keys_to_another_provider(api: Api, vault: FakeVault, tmp_path: Path):
    (member,) = await add_members(api, 1)
    token = tmp_path / "token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    of_vault: dict[str, Any] = {"key_provider": "vault", "vault_url": vault.url, "vault_token_file": token}
    report = await Rotator(api.url, Settings(encryption_keys=SecretStr(ENCRYPTION_KEY), **of_vault)).run()
    assert report.master_rotated
    assert api.rows("SELECT DISTINCT provider, master_version FROM data_keys") == [("vault", "v2")]
    async with running_api(api.url, **{**of_vault, "encryption_keys": None}) as after:
        assert (await after.get(f"/v1/members/{member}")).json()["name"] == PERSON["name"]


async def test_without_its_key_provider_a_rotation_stops_and_changes_nothing(api: Api):
    await add_members(api, 1)
    before = api.rows("SELECT * FROM member_keys"), api.rows("SELECT * FROM data_keys")
    with pytest.raises(DecryptionError, match="master key"):
        await Rotator(api.url, Settings(encryption_keys=SecretStr(NEW))).run()
    assert (api.rows("SELECT * FROM member_keys"), api.rows("SELECT * FROM data_keys")) == before


async def test_secrets_of_an_earlier_release_are_read_and_sealed_by_a_rotation(api: Api):
    endpoint = await registered(api, "http://127.0.0.1:9/x")
    token = Fernet(ENCRYPTION_KEY).encrypt(endpoint["secret"].encode())
    api.execute(f"UPDATE webhook_secrets SET ciphertext = '\\x{token.hex()}'")
    report = await Rotator(api.url).run()
    assert report.rows["webhook_secrets.ciphertext"] == 1
    ((sealed,),) = api.rows("SELECT ciphertext FROM webhook_secrets")
    assert bytes(sealed)[0] == 1
    assert api.rows("SELECT count(*) FROM data_keys WHERE purpose = 'secrets'") == [(2,)]


ROOT = Path(__file__).parents[2]
NOT_SEALED = {
    **{one.name: "by members' keys" for one in SEALED_COLUMNS if one.claim is not None},
    **dict.fromkeys(("members.name_sealed", "members.birth_date_sealed", "members.sex_sealed"), "a member's own key"),
    **{one.name: "its data key stays" for one in SEALED_COLUMNS if one.claim is None and one.is_append_only},
    "member_keys.wrapped_key": "rotated as a key",
    "data_keys.wrapped_key": "rotated as a key",
    "recipients.address_index": "made again with the address that it finds",
    "member_search.entry": "made again by a rotation (`MemberIndexKeys`)",
    "audit_log.change": "append-only and hashed: its data keys stay, and are wrapped again",
    **dict.fromkeys(
        ("idempotency_keys.body", "tasks.payload", "bulk_chunks.content"), "in clear, of an earlier release"
    ),
    **dict.fromkeys(("reports.pdf", "reports.csv", "audit_archives.manifest"), "has no personal data"),
    "audit_archives.signature": "public",
    "users.login_index": "made again with users.login_sealed",
    "bulk_jobs.position": "headers of envelopes of X12",
    "request_signing_keys.public_key": "public",
}
"""Binary columns that no rotation seals again, and why."""
HASHES = ("hash", "counter_key", "place_key", "entries", "previous")
"""Ends of the names of columns that hold hashes."""


def test_every_column_of_binary_values_is_rotated_or_says_why_not():
    for path in (ROOT / "api").rglob("tables.py"):
        importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    columns = {
        f"{table.name}.{column.name}"
        for table in Base.metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, LargeBinary)
    }
    rotated = {one.name for one in ROTATED_COLUMNS}
    assert rotated <= columns
    hashes = {name for name in columns - rotated if name.endswith(HASHES)}
    assert columns - rotated - hashes == set(NOT_SEALED)


async def test_the_command_prints_what_it_moved_and_status_what_is_unfinished(
    api: Api, monkeypatch: pytest.MonkeyPatch
):
    await add_members(api, 1)
    monkeypatch.setattr("api.field_keys.rotation.SETTLED_AFTER", timedelta(0))
    env = {"GINJA_DATABASE_URL": api.url, "GINJA_ENCRYPTION_KEYS": f"{NEW},{ENCRYPTION_KEY}"}
    api.execute("INSERT INTO key_rotations (started_at, after_key_id) SELECT now(), max(key_id) FROM data_keys")
    shown = await asyncio.to_thread(CliRunner().invoke, main, ("crypto", "status"), env=env)
    assert "Rotation 1 is not finished" in shown.output
    done = await asyncio.to_thread(CliRunner().invoke, main, ("crypto", "rotate"), env=env)
    assert done.exit_code == 0, done.output
    assert "Rotation 1 went on" in done.output
    assert "its owner does" in done.output


async def test_a_process_without_the_master_key_makes_none_and_one_that_has_it_rotates_later(api: Api, tmp_path: Path):
    ids = await add_members(api, 2)
    before = api.rows("SELECT * FROM data_keys")
    with pytest.raises(DecryptionError, match="is missing"):
        await Rotator(api.url, Settings(home=tmp_path)).run()
    assert (api.rows("SELECT * FROM data_keys"), api.count("key_rotations")) == (before, 0)
    assert not (tmp_path / KEY_FILE).exists()
    report = await Rotator(api.url).run()
    assert sum(report.left.values()) == 0
    assert (await api.get(f"/v1/members/{ids[0]}")).json()["name"] == PERSON["name"]


async def test_a_rotation_that_made_no_master_key_makes_one_when_it_goes_on(api: Api, tmp_path: Path):
    """With named keys a run makes none; without them, the next run of the same rotation does."""
    await add_members(api, 2)

    def end(column: str, rows: int) -> None:
        raise Ended

    with pytest.raises(Ended):
        await Rotator(api.url).run(end)
    assert api.rows("SELECT master_rotated_at FROM key_rotations") == [(None,)]
    file = tmp_path / KEY_FILE
    file.write_text(f"{NEW}\n{ENCRYPTION_KEY}\n")
    file.chmod(0o600)
    report = await Rotator(api.url, Settings(home=tmp_path)).run()
    assert (report.resumed, report.master_rotated, len(file.read_text().split())) == (True, True, 3)
    assert api.rows("SELECT master_rotated_at IS NULL FROM key_rotations") == [(False,)]


async def test_values_that_cannot_be_decrypted_are_counted_and_the_others_moved(
    api: Api, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("api.field_keys.rotation.BATCH", 2)
    monkeypatch.setattr("api.field_keys.resealing.BATCH", 2)
    ids = await add_members(api, 7)
    for number in range(7):
        await api.submit(MINIMAL | {"claim_amount": 100 + number}, **{"Idempotency-Key": f"k-{number}"})
    damaged, missing = "set_byte({0}, 30, get_byte({0}, 30) # 1)", "overlay({0} PLACING '\\x00000000' FROM 2 FOR 4)"
    for member_id, damage in ((ids[0], damaged), (ids[1], missing), (ids[4], damaged)):
        api.execute(
            f"UPDATE member_keys SET wrapped_key = {damage.format('wrapped_key')} WHERE member_id = '{member_id}'"
        )
    for key, damage in (("k-0", damaged), ("k-1", missing), ("k-2", damaged), ("k-5", "'\\x01'")):
        sealed = damage.format("body_sealed")
        api.execute(f"UPDATE idempotency_keys SET body_sealed = {sealed} WHERE key = '{key}'")
    report = await Rotator(api.url).run()
    assert report.unreadable == {
        "member_keys.wrapped_key": 3,
        "idempotency_keys.body_sealed": 4,
        "member_search.entry": 3,
    }
    assert (report.rows["member_keys.wrapped_key"], report.rows["idempotency_keys.body_sealed"]) == (4, 3)
    assert sum(report.left.values()) == 0
    monkeypatch.setattr("api.field_keys.rotation.SETTLED_AFTER", timedelta(0))
    env = {"GINJA_DATABASE_URL": api.url, "GINJA_ENCRYPTION_KEYS": f"{NEW},{ENCRYPTION_KEY}"}
    done = await asyncio.to_thread(CliRunner().invoke, main, ("crypto", "rotate"), env=env)
    assert done.exit_code == 1, done.output
    assert "3 values of member_keys.wrapped_key cannot be decrypted" in done.output
