"""`ginja keys signing-key` and `ginja keys sign-request`."""

import asyncio
import json
import stat
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result

from api.identity import create_key
from cli.main import main
from core.signing import new_key
from tests.api.makers import Api, running_api

BODY = b'{"name": "intake", "role": "claims_system"}'
URL = "http://claims/v1/keys"


async def run(url: str, *words: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, main, ["keys", *words], env={"GINJA_DATABASE_URL": url})


async def sent(api: Api, secret: str, signature: str) -> httpx.Response:
    """The request with the lines that the command printed, as `curl -H @file` adds them."""
    headers = dict(line.split(": ", 1) for line in signature.splitlines())
    headers |= {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
    transport = httpx.ASGITransport(api.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport) as client:
        return await client.post(URL, content=BODY, headers=headers)


async def test_a_key_that_is_made_on_the_command_line_signs_a_request_there(database_url: str, tmp_path: Path):
    file, body = tmp_path / "approver.pem", tmp_path / "body.json"
    body.write_bytes(BODY)
    sign = ("sign-request", "post", URL, "--key-file", str(file), "-H", "Content-Type: application/json")
    async with running_api(database_url) as api:
        key_id, secret = await create_key(api.database, name="approver", role="admin")
        made = await run(api.url, "signing-key", "create", key_id, "--key-file", str(file), "--by", "ann")
        assert (made.exit_code, f"for {key_id}" in made.output) == (0, True), made.output
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        printed = await run(api.url, *sign, "--data", str(body))
        accepted = await sent(api, secret, printed.stdout)
        assert accepted.status_code == 201, accepted.text
        as_json = json.loads((await run(api.url, *sign, "--data", str(body), "--json")).stdout)
        assert set(as_json["headers"]) == {"Signature", "Signature-Input", "Content-Digest"}
        (listed,) = json.loads((await run(api.url, "signing-key", "list", "--json")).stdout)["keys"]
        assert (listed["actor_id"], listed["name"], listed["state"]) == (key_id, "approver.pem", "valid")
        assert listed["signing_key_id"][:12] in (await run(api.url, "signing-key", "list")).stdout
        revoked = await run(api.url, "signing-key", "revoke", listed["signing_key_id"], "--by", "ann")
        assert revoked.output == f"Revoked {listed['signing_key_id']}.\n"
        refused = await sent(api, secret, (await run(api.url, *sign, "--data", str(body))).stdout)
        assert refused.status_code == 401
        acts = api.rows("SELECT act FROM audit_log WHERE name = 'ann' ORDER BY audit_id")
        assert acts == [("signing_key.create",), ("signing_key.revoke",)]


async def test_a_file_that_exists_is_not_replaced(database_url: str, tmp_path: Path):
    file = tmp_path / "approver.pem"
    file.write_text("something else")
    async with running_api(database_url) as api:
        refused = await run(api.url, "signing-key", "create", "key_1", "--key-file", str(file))
    assert (refused.exit_code, "exists; name another file" in refused.output) == (2, True)
    assert file.read_text() == "something else"


async def test_a_key_of_nobody_leaves_no_file(database_url: str, tmp_path: Path):
    async with running_api(database_url) as api:
        refused = await run(api.url, "signing-key", "create", "key_1", "--key-file", str(tmp_path / "approver.pem"))
    assert (refused.exit_code, "KEY must be the id of a valid API key" in refused.output) == (2, True)
    assert not (tmp_path / "approver.pem").exists()


@pytest.mark.parametrize(
    ("mode", "text", "words", "message"),
    [
        (0o600, "no key", (), "must be an Ed25519 or NIST P-256 private key"),
        (0o644, new_key(), (), "chmod 600"),
        (0o600, new_key(), ("-H", "no colon"), "must be"),
    ],
)
def test_what_cannot_be_signed_says_why(tmp_path: Path, mode: int, text: str, words: tuple[str, ...], message: str):
    file = tmp_path / "approver.pem"
    file.write_text(text)
    file.chmod(mode)
    done = CliRunner().invoke(main, ["keys", "sign-request", "POST", URL, "--key-file", str(file), *words])
    assert (done.exit_code, message in done.output) == (2, True), done.output


def test_an_address_that_is_none_is_refused(tmp_path: Path):
    file = tmp_path / "approver.pem"
    file.write_text(new_key())
    file.chmod(0o600)
    done = CliRunner().invoke(main, ["keys", "sign-request", "POST", "/v1/keys", "--key-file", str(file)])
    assert (done.exit_code, "cannot be signed" in done.output) == (2, True), done.output
