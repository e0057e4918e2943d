"""Files of claims in tests: uploaded over HTTP, and submitted by a worker."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from api.antivirus import Clamd
from api.bulk import BulkProcessor
from api.intake import Intake
from tests.api.makers import Api

RAW = "application/octet-stream"
CSV_HEADER = "member_id,provider_id,diagnosis_codes,procedure_code,claim_amount,units"


def ndjson(*claims: Any) -> bytes:
    return b"".join((one if isinstance(one, bytes) else json.dumps(one).encode()) + b"\n" for one in claims)


async def begin(api: Api, file: bytes, *, form: str = "ndjson", role: str = "claims_system", **more: Any) -> Any:
    response = await api.post("/v1/bulk/claims", {"format": form, "size": len(file), **more}, role=role)
    assert response.status_code == 201, response.text
    assert response.headers["location"] == f"/v1/bulk/claims/{response.json()['job_id']}"
    return response.json()


async def send(api: Api, job_id: str, offset: int, content: bytes, *, role: str = "claims_system", kind: str = RAW):
    headers = {**api.as_(role), "Content-Type": kind, "Upload-Offset": str(offset)}
    return await api.client.patch(f"/v1/bulk/claims/{job_id}", content=content, headers=headers)


async def upload(api: Api, file: bytes, **options: Any) -> str:
    job = await begin(api, file, **options)
    response = await send(api, job["job_id"], 0, file, role=options.get("role", "claims_system"))
    assert (response.status_code, response.json()["status"]) == (200, "queued"), response.text
    return str(job["job_id"])


async def state(api: Api, job_id: str, *, role: str = "claims_system") -> Any:
    return (await api.get(f"/v1/bulk/claims/{job_id}", role=role)).json()


def processor(api: Api, intake: Intake | None = None, scanner: Clamd | None = None) -> BulkProcessor:
    own = api.dependencies
    return BulkProcessor(api.database, intake or own.intake, own.field_keys, longest_line=10_000, scanner=scanner)


async def submit_all(api: Api) -> None:
    worker = processor(api)
    while await worker.work():
        pass


async def soon(event: asyncio.Event) -> None:
    async with asyncio.timeout(30):  # a test that fails ends
        await event.wait()


@asynccontextmanager
async def working(api: Api) -> AsyncIterator[None]:
    """A worker that waits for the score of a job's first claim until the block ends, and then ends its slice."""
    asked, go_on = asyncio.Event(), asyncio.Event()
    healthy = api.scorer.behaviour

    async def waits(exchange: Any) -> None:
        asked.set()
        await go_on.wait()
        await healthy(exchange)

    api.scorer.behaviour = waits
    slice_ended = asyncio.create_task(processor(api).work())
    await soon(asked)
    yield
    go_on.set()
    await slice_ended


async def rejects(api: Api, job_id: str, query: str = "") -> list[dict[str, Any]]:
    response = await api.get(f"/v1/bulk/claims/{job_id}/rejects{query}", role="claims_system")
    assert response.headers["content-type"].startswith("application/x-ndjson")
    return [json.loads(line) for line in response.text.splitlines()]
