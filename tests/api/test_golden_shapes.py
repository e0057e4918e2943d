"""The shape of the response of every route that reads, as each published version has it: kept as a file."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from api.versions import SUPPORTED
from core import clock
from tests.api.bulk_files import submit_all, upload
from tests.api.decisions import held
from tests.api.makers import LINES, Api, concrete, contract
from tests.api.test_published_version import asking_for, parts_of, published
from tests.api.test_statements import QUERIES
from tests.api.webhooks import with_ids

GOLDEN = Path(__file__).parent / "golden"
READS = [
    one
    for one in contract().operations
    if one.method == "GET"
    and one.path.startswith("/v1/")
    and "application/json" in one.described["responses"]["200"]["content"]
]


def shape(value: Any) -> Any:
    """A response with the types of its values; of a list, its first item."""
    if isinstance(value, dict):
        return {name: shape(one) for name, one in value.items()}
    if isinstance(value, list):
        return [shape(one) for one in value[:1]]
    return "null" if value is None else "number" if type(value) in (int, float) else type(value).__name__


async def shapes(api: Api, version: str, paths: set[str]) -> dict[str, Any]:
    """The shape of the response of each of these routes, about a claim that was decided and investigated."""
    claim_id = await held(api, service_from="2026-03-02")
    await api.submit(LINES | {"service_from": "2026-02-01", "service_to": "2026-03-03"})
    path = f"/v1/claims/{claim_id}"
    decision = {"action": "deny", "reason": "not_covered", "expected_version": 1}
    decided = await api.post(f"{path}/decisions", decision)
    assert decided.status_code == 201, decided.text
    found = {"disposition": "confirmed", "kind": "upcoding"}
    assert (await api.post(f"{path}/dispositions", found)).status_code == 201
    appeal = {"appellant": "provider", "reason": "The records show two services."}
    assert (await api.post(f"{path}/appeals", appeal)).status_code == 201
    job_id = await upload(api, b"{}\n", role="admin")
    await submit_all(api)
    given = {}
    for operation in (one for one in READS if one.path in paths):
        url = concrete((await with_ids(api, operation.path)).replace("{job_id}", job_id), claim_id=claim_id)
        with asking_for(api, version):
            response = await api.get(url + QUERIES.get(operation.path, ""))
        assert response.is_success, response.text
        given[operation.path] = shape(response.json())
    return given


@pytest.mark.parametrize("version", SUPPORTED)
async def test_the_shapes_of_a_published_version_are_kept(api: Api, version: str):
    golden = json.loads((GOLDEN / f"{version}-shapes.json").read_text())
    with clock.held(datetime(2026, 3, 10, 12, tzinfo=UTC)):
        given = await shapes(api, version, set(golden))
    assert parts_of(golden, given) == golden


@pytest.mark.parametrize("version", SUPPORTED)
def test_every_route_of_a_published_version_that_reads_has_its_shape_kept(version: str):
    described = published(version)["paths"]
    golden = json.loads((GOLDEN / f"{version}-shapes.json").read_text())
    reads = {one.path for one in READS if "get" in described.get(one.path, {})}
    assert reads
    assert reads <= set(golden)
