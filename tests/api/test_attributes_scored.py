"""The API with the real scorer and a model of an attribute: from the claim to its reason, or to the cause of none."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.platform import own_ready
from claims.attributes import Attribute, AttributeType
from core.embedded import free_port
from core.supervision import Processes
from features.vector import AttributeEncoder
from models.artefact import point
from tests.api.makers import MINIMAL, running_api
from tests.serving.makers import a_claim, fill_store, make_model

SERVE = ["-c", "from cli.main import main; main()", "run", "scorer"]
VISIT = MINIMAL | {"procedure_code": "P002", "claim_amount": 50}


@pytest.fixture
def scorer_url(tmp_path: Path, module_valkey_url: str) -> Iterator[str]:
    """A scorer process whose model rests on the age of a vehicle."""
    declared = Attribute(type=AttributeType.NUMBER, meaning="Age of the vehicle", unit="years")
    encoder = AttributeEncoder(name="vehicle_age", attribute=declared)
    make_model(tmp_path, "own-1", attributes=(encoder,), rests_on="own_vehicle_age")
    point(tmp_path, "own-1")
    fill_store(module_valkey_url, [a_claim()])
    port = free_port()
    environment = {
        "GINJA_HOME": str(tmp_path),
        "GINJA_REDIS_URL": module_valkey_url,
        "GINJA_SCORER_PORT": str(port),
    }
    with Processes(tmp_path / "run", environment) as processes:
        processes.start("scorer", SERVE, ready=own_ready(port))
        processes.wait("scorer")
        yield f"http://127.0.0.1:{port}"


async def test_a_claim_is_decided_by_its_attribute_and_without_it_by_the_rule_with_the_cause(
    seeded_url: str, scorer_url: str
):
    async with running_api(seeded_url, scorer_url=scorer_url, scorer_deadline_ms=10_000) as api:
        old, new, silent, wrong = [
            (await api.submit(VISIT | {"service_from": f"2026-02-0{day}"} | sent)).json()
            for day, sent in enumerate(
                (
                    {"attributes": {"vehicle_age": 25}},
                    {"attributes": {"vehicle_age": 0.1}},
                    {},
                    {"attributes": {"vehicle_age": "old"}},
                ),
                start=1,
            )
        ]
        causes = api.rows("SELECT score_failure FROM assessments ORDER BY made_at")
    assert [one["decided_by"] for one in (old, new, silent, wrong)] == ["model", "model", "rule", "rule"]
    assert causes == [(None,), (None,), ("too_little_known",), ("http_422",)]
    assert old["score"] > new["score"]
    (reason,) = [one["text"] for one in old["reasons"] if one["code"] == "own_vehicle_age"]
    assert reason.startswith("Age of the vehicle: 25 years (typical: 1 years): raises the odds ")
    assert "too_little_known" in [one["code"] for one in silent["reasons"]]
