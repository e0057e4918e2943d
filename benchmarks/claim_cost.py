"""Cost of one claim in the claims API, in process, with a stub scorer over HTTP; and its HTTP client beside httpx.

    python -m benchmarks.claim_cost [--claims 500]

Creates a temporary home with embedded servers and a small simulated insurer. Prints JSON. CPU time is that of this
process, the API; wall times depend on the load of the machine.
"""

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx
import uvloop

from api.dependencies import Dependencies
from api.field_keys import FieldKeys
from api.identity import Caller
from api.intake import ClaimIn
from api.loading import load_folder
from api.migrate import upgrade
from api.requests import parse
from api.scorer import HttpPool
from core.live_claims import LiveClaims
from core.servers import postgres_url, temporary_home
from core.settings import Settings
from core.supervision import StopSignals

CONTRACTS = Path(__file__).parents[1] / "tests" / "contracts"


@dataclass(frozen=True, slots=True)
class CallCost:
    """The cost of one call."""

    cpu_ms: float
    """Mean CPU time of this process."""
    p50_ms: float
    """Median wall time."""


@dataclass(frozen=True, slots=True)
class ClaimCosts:
    """The cost of a submission, and of a scoring request by each HTTP client."""

    claim: CallCost
    http_ours: CallCost
    httpx: CallCost


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A scorer that answers every claim with the example of the contract."""
    template = json.loads((CONTRACTS / "score_response.json").read_text())
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.lower().split(b"\r\n")
            length = next(int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length"))
            claim_id = json.loads(await reader.readexactly(length))["claim"]["claim_id"]
            body = json.dumps(template | {"claim_id": claim_id}).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def cost(work: Callable[[int], Awaitable[object]], times: int) -> CallCost:
    """CPU and wall time of `work` in milliseconds, after warming up with a tenth of the rounds."""
    for at in range(times // 10):
        await work(at)
    took, cpu = [], time.process_time()
    for at in range(times // 10, times // 10 + times):
        began = time.perf_counter()
        await work(at)
        took.append((time.perf_counter() - began) * 1_000)
    spent = (time.process_time() - cpu) * 1_000 / times
    return CallCost(round(spent, 3), round(statistics.median(took), 3))


def bodies(folder: Path) -> list[bytes]:
    """The simulated claims, as a claims system would submit them."""
    import pyarrow.parquet as pq

    names = ("member_id", "provider_id", "diagnosis_code", "procedure_code")
    rows = pq.read_table(folder / "claims.parquet").to_pylist()
    return [
        json.dumps({n: row[n] for n in names} | {"claim_amount": row["amount_cents"] / 100}).encode() for row in rows
    ]


async def measure(settings: Settings, url: str, sent: list[bytes], times: int) -> ClaimCosts:
    """Measure submission and both HTTP clients."""
    request = (CONTRACTS / "score_request.json").read_bytes()
    caller = Caller("key_bench", "claims_system", None, "bench")
    server = await asyncio.start_server(answer, "127.0.0.1", settings.scorer_port)
    dependencies = Dependencies.create(settings, url, LiveClaims())
    pool = HttpPool(settings.scorer_base_url)
    client = httpx.AsyncClient(base_url=settings.scorer_base_url)

    async def claim(at: int) -> None:
        body = sent[at % len(sent)]
        await dependencies.intake.submit(caller, parse(ClaimIn, body), body, f"bench-{at}")

    async def ours(_at: int) -> None:
        await pool.post("/v1/score", request, headers={}, deadline_s=5)

    async def theirs(_at: int) -> None:
        await client.post("/v1/score", content=request, headers={"Content-Type": "application/json"})

    figures = ClaimCosts(await cost(claim, times), await cost(ours, times), await cost(theirs, times))
    await client.aclose()
    pool.close()
    await dependencies.close()
    server.close()
    return figures


def main() -> None:
    """Set up, measure and clean up."""
    from core.embedded import free_port
    from pipelines.simulate import SimulationConfig, simulate, write

    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--claims", type=int, default=500)
    times = options.parse_args().claims
    with StopSignals(), temporary_home("ginja-bench-") as home:
        settings = Settings(home=home, scorer_port=free_port())
        write(simulate(SimulationConfig(claims=20_000, seed=1)), home / "data")
        url = postgres_url(settings)
        upgrade(url)
        load_folder(url, home / "data", source="simulated", keys=FieldKeys(settings, url))
        print(json.dumps(asdict(uvloop.run(measure(settings, url, bodies(home / "data"), times)))))


if __name__ == "__main__":
    main()
