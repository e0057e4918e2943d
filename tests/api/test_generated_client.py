"""A client generated from `/openapi.json` submits, reads and voids a claim against the running API."""

import asyncio
import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.app import create_app
from api.database import Database
from api.identity import create_key
from core.settings import Settings
from tests.api.makers import MINIMAL
from tests.api.servers import on_a_port


@pytest.fixture(scope="module")
def client_package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Name of a package generated from the description, importable."""
    folder = tmp_path_factory.mktemp("client")
    document = create_app(Settings(), "postgresql://nobody@localhost:1/none").openapi()
    (folder / "openapi.json").write_text(json.dumps(document))
    (folder / "config.yml").write_text("project_name_override: generated\npackage_name_override: ginja_generated\n")
    with (folder / "config.yml").open("a") as config:
        config.write("post_hooks: []\ncontent_type_overrides: {application/edi-x12: application/octet-stream}\n")
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none", "--fail-on-warning"]
    command += ["--path", "openapi.json", "--config", "config.yml", "--output-path", "ginja_generated"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    sys.path.insert(0, str(folder))
    yield "ginja_generated"
    sys.path.remove(str(folder))


@pytest.fixture
def running(seeded_url: str) -> Iterator[tuple[str, str]]:
    """URL of the API without a scorer, and a key of a claims system."""

    async def key() -> str:
        database = Database(seeded_url, pool_size=1)
        try:
            return (await create_key(database, name="generated client", role="claims_system"))[1]
        finally:
            await database.close()

    secret = asyncio.run(key())
    with on_a_port(create_app(Settings(scorer_url="http://127.0.0.1:1"), seeded_url)) as url:
        yield url, secret


def test_a_generated_client_submits_reads_and_voids_a_claim(client_package: str, running: tuple[str, str]):
    url, secret = running

    def of(module: str):
        return importlib.import_module(f"{client_package}.{module}")

    models = of("models")
    with of("client").AuthenticatedClient(base_url=url, token=secret) as client:
        sent = models.ClaimIn.from_dict(MINIMAL)
        submit = of("api.claims.submit_claim").sync_detailed
        first = submit(client=client, body=sent, idempotency_key="row-1")
        assert (first.status_code, type(first.parsed)) == (201, models.ClaimOut)
        assert first.parsed.claim_amount == MINIMAL["claim_amount"]
        assert first.headers["Location"] == f"/v1/claims/{first.parsed.claim_id}"
        again = submit(client=client, body=sent, idempotency_key="row-1")
        assert (again.content, again.headers["Idempotency-Replayed"]) == (first.content, "true")

        claim_id = first.parsed.claim_id
        read = of("api.claims.get_claim").sync(claim_id, client=client)
        assert (read.claim_id, read.status) == (claim_id, first.parsed.status)
        listed = of("api.claims.list_claims").sync(client=client, member_id=MINIMAL["member_id"])
        assert [claim.claim_id for claim in listed.claims] == [claim_id]

        void = of("api.claims.void_claim").sync_detailed
        voided = void(claim_id, client=client, body=models.VoidIn(reason="billed in error"))
        assert (voided.status_code, voided.parsed.status.value) == (200, "voided")
        refused = void(claim_id, client=client, body=models.VoidIn())
        assert (refused.status_code, type(refused.parsed)) == (409, models.ConflictProblem)
        assert refused.parsed.type_ == "/docs/problems#conflict"

    with of("client").AuthenticatedClient(base_url=url, token="gnj_unknown") as stranger:
        unauthorized = of("api.claims.get_claim").sync(claim_id, client=stranger)
        assert (type(unauthorized), unauthorized.status) == (models.UnauthorizedProblem, 401)


def test_the_generated_client_has_every_operation(client_package: str):
    document = create_app(Settings(), "postgresql://nobody@localhost:1/none").openapi()
    package = Path(importlib.import_module(client_package).__path__[0])
    generated = {path.stem for path in (package / "api").rglob("*.py")} - {"__init__"}
    assert generated == {one["operationId"] for methods in document["paths"].values() for one in methods.values()}
