"""A member gets everything that is stored about it, and nothing of fraud detection or of other people."""

import asyncio
import hashlib
import importlib
import io
import json
import pkgutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import LargeBinary

import api as api_package
from api.field_keys import SEALED_COLUMNS, SealedColumn
from api.member_export import EXPORTED, LEFT_OUT, MANIFEST, MEMBER_FILE
from api.tables import Base
from cli.main import main
from tests.api.appeals import APPEAL, filed, rejected
from tests.api.decisions import held
from tests.api.makers import ENCRYPTION_KEY, MINIMAL, Api
from tests.api.test_erasure import erase

for _module in pkgutil.walk_packages(api_package.__path__, "api."):
    if _module.name.endswith(".tables"):
        importlib.import_module(_module.name)
TABLES = Base.metadata.tables
NOT_ABOUT_A_MEMBER = {
    *("tasks", "bulk_chunks", "token_keys", "refresh_tokens", "webhook_secrets", "webhook_deliveries"),
    *("mails", "recipients"),
}
"""Work that is removed when it is done, what is sent to receivers (ids and status) and to staff, and secrets."""
NEW = {"member_id": "M900", "name": "Zoe Newcomb", "birth_date": "1980-03-02", "sex": "F", "plan_id": "PL1"}


async def export(api: Api, file: Path, member_id: str = "M900", reason: str = "request 7") -> Result:
    env = {"GINJA_DATABASE_URL": api.url, "GINJA_HOME": str(file.parent), "GINJA_ENCRYPTION_KEYS": ENCRYPTION_KEY}
    words = ["data", "export-member", member_id, "--to", str(file), "--reason", reason, "--by", "ann", "--json"]
    return await asyncio.to_thread(CliRunner().invoke, main, words, env=env)


def content_of(file: Path) -> dict[str, Any]:
    """The manifest, the member, and the rows of each table."""
    with zipfile.ZipFile(io.BytesIO(file.read_bytes())) as opened:
        found: dict[str, Any] = {MANIFEST: json.loads(opened.read(MANIFEST))}
        for name, stated in found[MANIFEST]["files"].items():
            content = opened.read(name)
            assert (hashlib.sha256(content).hexdigest(), len(content)) == (stated["sha256"], stated["bytes"])
            is_lines = name.endswith(".ndjson")
            found[name] = [json.loads(line) for line in content.splitlines()] if is_lines else json.loads(content)
        assert set(opened.namelist()) == {MANIFEST, *found[MANIFEST]["files"]}
    return found


def test_every_table_that_names_a_member_or_a_claim_is_exported_or_left_out_with_a_reason():
    naming = {
        name
        for name, one in TABLES.items()
        if {"member_id", "claim_id", "appeal_id"} & {column.name for column in one.columns}
    }
    assert naming - EXPORTED.keys() - LEFT_OUT.keys() <= {"edit_suspensions"}, "an edit, and no member"
    assert not EXPORTED.keys() & LEFT_OUT.keys()
    assert EXPORTED.keys() | LEFT_OUT.keys() <= TABLES.keys()
    assert all(len(reason) > 10 for reason in LEFT_OUT.values())


@pytest.mark.parametrize("table", EXPORTED)
def test_no_encrypted_value_is_exported_and_every_column_named_is_one(table: str):
    declared, columns = EXPORTED[table], TABLES[table].columns
    binary = {column.name for column in columns if isinstance(column.type, LargeBinary)}
    assert declared.only or binary <= declared.without
    names = {column.name for column in columns}
    assert declared.only <= names
    assert {one for one in declared.without if not one.endswith("_sealed")} <= names | {
        "api_key_id",
        "decided_by",
        "role",
        "filed_by",
    }


@pytest.mark.parametrize("column", SEALED_COLUMNS, ids=lambda one: one.name)
def test_each_encrypted_column_is_exported_decrypted_or_left_out_with_its_text_in_clear(column: SealedColumn):
    if column.table not in EXPORTED:
        assert column.table in LEFT_OUT or column.table in NOT_ABOUT_A_MEMBER
        return
    declared = EXPORTED[column.table]
    assert column.column in declared.without
    assert (column in declared.opened) != (column.clear in declared.without)


async def test_the_reason_of_an_appeal_is_exported_until_the_member_is_erased(api: Api, tmp_path):
    await filed(api, await rejected(api, member_id="M123"))
    earlier = await filed(api, await rejected(api, member_id="M123", claim_amount=70))
    trigger = "ALTER TABLE appeals {} TRIGGER appeals_append_only"
    api.execute(
        f"{trigger.format('DISABLE')}; UPDATE appeals SET reason = 'Two services.', reason_sealed = NULL "
        f"WHERE appeal_id = '{earlier}'; {trigger.format('ENABLE')}"
    )
    assert (await export(api, tmp_path / "a.zip", "M123")).exit_code == 0
    reasons = {one["appeal_id"]: one["reason"] for one in content_of(tmp_path / "a.zip")["appeals.ndjson"]}
    assert reasons.pop(earlier) == "Two services.", "of an earlier release"
    assert list(reasons.values()) == [APPEAL["reason"]]
    assert (await erase(api, "M123", "--reason", "request 7")).exit_code == 0
    assert (await export(api, tmp_path / "b.zip", "M123")).exit_code == 0
    assert {one["reason"] for one in content_of(tmp_path / "b.zip")["appeals.ndjson"]} == {None}


async def test_an_export_has_what_is_stored_about_the_member_and_the_disclosures(api: Api, tmp_path):
    assert (await api.post("/v1/members", NEW)).status_code == 201
    claim_id = (await api.submit(MINIMAL | {"member_id": "M900"})).json()["claim_id"]
    denied = await rejected(api, member_id="M900")
    await filed(api, denied)
    await api.submit()
    await api.get(f"/v1/claims/{claim_id}", role="insurer")
    await api.get("/v1/members/M900")
    file = tmp_path / "M900.zip"
    done = await export(api, file)
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert said["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert file.stat().st_mode & 0o777 == 0o600
    found = content_of(file)
    assert (found[MEMBER_FILE]["name"], found[MEMBER_FILE]["birth_date"]) == ("Zoe Newcomb", "1980-03-02")
    own = {one for (one,) in api.rows("SELECT claim_id FROM claims WHERE member_id = 'M900'")}
    assert {claim_id, denied} <= own
    assert {one["claim_id"] for one in found["claims.ndjson"]} == own
    lines = {one["claim_id"] for one in found["claim_lines.ndjson"]}
    assert lines
    assert lines <= own
    assert [one["claim_id"] for one in found["appeals.ndjson"]] == [denied]
    acts = {(one["act"], one["subject_id"]) for one in found["audit_log.ndjson"]}
    assert {("claim.read", claim_id), ("member.read", "M900")} <= acts
    assert found[MANIFEST]["left_out"] == dict(LEFT_OUT)
    recorded = api.rows("SELECT name, subject_kind, subject_id FROM audit_log WHERE act = 'member.export'")
    assert recorded == [("ann", "member", "M900")]


async def test_an_export_has_no_score_no_finding_and_nobody_else(api: Api, tmp_path):
    await held(api)
    file = tmp_path / "M123.zip"
    assert (await export(api, file, "M123")).exit_code == 0
    with zipfile.ZipFile(io.BytesIO(file.read_bytes())) as opened:
        names = [name for name in opened.namelist() if name != MANIFEST]
        text = b"".join(opened.read(name) for name in names).decode()
    for hidden in ("probability", "contributions", "flagged", "threshold", "M124", "John Roe", "actor_id"):
        assert hidden not in text, hidden
    assert not any(name.removesuffix(".ndjson") in LEFT_OUT for name in names)


async def test_an_export_that_cannot_be_made_is_refused(api: Api, tmp_path):
    unknown = await export(api, tmp_path / "a.zip", "nobody")
    assert (unknown.exit_code, "member not found" in unknown.output) == (2, True)
    reasonless = await export(api, tmp_path / "a.zip", "M123", reason=" ")
    assert (reasonless.exit_code, "reason" in reasonless.output) == (2, True)
    (tmp_path / "a.zip").write_text("kept")
    exists = await export(api, tmp_path / "a.zip", "M123")
    assert (exists.exit_code, "exists already" in exists.output) == (2, True)
    assert (tmp_path / "a.zip").read_text() == "kept"


async def test_a_member_that_has_only_claims_and_an_erased_one_are_exported_without_an_identity(api: Api, tmp_path):
    api.execute(
        "INSERT INTO claims (claim_id, received_at, service_from, service_to, member_id, amount_cents, status, source)"
        " VALUES ('c1', now(), now(), now(), 'H-OLD', 100, 'approved', 'history')"
    )
    assert (await export(api, tmp_path / "old.zip", "H-OLD")).exit_code == 0
    found = content_of(tmp_path / "old.zip")
    assert MEMBER_FILE not in found
    assert [one["claim_id"] for one in found["claims.ndjson"]] == ["c1"]
