"""The Python client signs what has to be signed, with its own implementation of RFC 9421."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from api.request_signing import RequestSigner
from core.signing import new_key
from ginja_client import AsyncGinjaClient, AuthenticationFailed, GinjaClient
from tests.api.running_client import FAST, KINDS, Blocking, Running, serving
from tests.api.signing import register

NEW: Any = {"name": "intake", "role": "claims_system"}


@pytest.fixture
def running(seeded_url: str) -> Iterator[Running]:
    with serving(seeded_url) as found:
        yield found


@pytest.fixture
def key_file(tmp_path: Path, running: Running) -> Path:
    """A private key whose public key is registered for the client's API key."""
    pem, file = new_key(), tmp_path / "client.pem"
    file.write_text(pem)
    register(running.database_url, running.key, RequestSigner(pem))
    return file


def client(running: Running, kind: str, key_file: Path | None) -> Any:
    if kind == "synchronous":
        return GinjaClient(running.url, running.key, retries=FAST, signing_key_file=key_file)
    return Blocking(AsyncGinjaClient(running.url, running.key, retries=FAST, signing_key_file=key_file))


@pytest.mark.parametrize("kind", KINDS)
def test_a_client_with_a_key_file_signs_by_itself_and_signs_again_when_it_retries(
    running: Running, key_file: Path, kind: str
):
    with client(running, kind, key_file) as ginja:
        assert ginja.create_key(NEW)["role"] == "claims_system"
        public = RequestSigner(new_key()).public_pem
        made: Any = {"actor_id": ginja.list_keys()["keys"][0]["api_key_id"], "name": "n", "public_key": public}
        running.gateway.refusals = 2
        running.gateway.lost = 1  # then it is carried out, and its answer is lost
        added = ginja.create_signing_key(made)
        assert added["state"] == "valid"
    sent = [headers.get("signature-input") for method, _, headers in running.gateway.seen if method == "POST"]
    assert len(sent) == len(set(sent)) == 5, "each request has a nonce of its own"
    with psycopg.connect(running.database_url) as connection:
        found = connection.execute("SELECT count(*) FROM request_signing_keys WHERE name = 'n'").fetchall()
    assert found == [(1,)]


def test_only_what_has_to_be_signed_is_signed(running: Running, key_file: Path):
    with client(running, "synchronous", key_file) as ginja:
        ginja.list_keys()
        ginja.submit_claim({"member_id": "M123", "provider_id": "H456", "diagnosis_code": "D001",
                            "procedure_code": "P001", "claim_amount": "410.00"})  # fmt: skip
    assert not any("signature" in headers for _, _, headers in running.gateway.seen)


@pytest.mark.parametrize("kind", KINDS)
def test_a_client_without_a_key_file_learns_that_it_needs_one(running: Running, kind: str):
    with client(running, kind, None) as ginja, pytest.raises(AuthenticationFailed) as refused:
        ginja.create_key(NEW)
    assert refused.value.type == "/docs/problems#signature-required"


def test_a_file_with_another_key_is_refused(tmp_path: Path):
    key = generate_private_key(SECP256R1())
    (tmp_path / "other.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(ValueError, match="must hold an Ed25519 private key"):
        GinjaClient("http://claims", "gja_live_x", signing_key_file=tmp_path / "other.pem")
