"""Back-books beside live claims: several scripts that score a history in batches while claims come at a steady rate.

A script sends its next batch when it has the answer to the one before, and repeats one that was refused with
`Retry-After` after that time, as `docs/guides/claims-system.md` tells users to.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import httpx

from benchmarks.bodies import score_bodies, submission_bodies
from benchmarks.claim_load import ClaimLoad, responses_of
from benchmarks.load import Response
from benchmarks.platform import BenchPlatform

BATCH = 500
LEAD_S = 3.0
"""Live claims alone, before the scripts begin."""
_UNTIL_ENDED_S = 24 * 3_600
GIVE_UP_S = 300.0
"""How long a script repeats one batch."""


class Through(Enum):
    """Where a script sends its batches."""

    API = "/v1/claims:score-batch"
    SCORER = "/v1/score_batch"


@dataclass(frozen=True, slots=True)
class LiveFigures:
    """The live claims while the scripts ran."""

    claims: int
    by_model_share: float
    """Of the claims that were decided."""
    refused: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    statuses: dict[str, int]


@dataclass(frozen=True, slots=True)
class BackBookFigures:
    """Result of several scripts at once."""

    at_once: int
    through: str
    batches: int
    finished: int
    refused: int
    """Responses 429 and 503, after which the batch was sent again."""
    failed: dict[str, int]
    """Batches that were given up, by the last status."""
    seconds: float
    claims_per_s: float
    longest_position: int
    """Highest position in the queue that a response stated."""
    live: LiveFigures


@dataclass(slots=True)
class _Script:
    finished: int = 0
    refused: int = 0
    longest_position: int = 0
    failed: Counter[str] | None = None


def batches(running: BenchPlatform, through: Through, count: int) -> list[bytes]:
    """Bodies of `count` batches."""
    size = BATCH * count
    home = running.stage.home
    if through is Through.SCORER:
        items = score_bodies(size, home)
        before, after = b'{"requests":[', b"]}"
    else:
        claims = [json.loads(body) for body in submission_bodies(size, home)]
        items = [json.dumps({"claim_id": f"old-{at}", **claim}).encode() for at, claim in enumerate(claims)]
        before, after = b'{"claims":[', b"]}"
    return [before + b",".join(items[at : at + BATCH]) + after for at in range(0, len(items), BATCH)]


async def back_books(load: ClaimLoad, through: Through, *, at_once: int, each: int, rate: float) -> BackBookFigures:
    """`at_once` scripts of `each` batches beside live claims at `rate` a second."""
    running = load.running
    bodies = batches(running, through, each)
    file = load.folder / "live"
    phase = f"{rate}:{_UNTIL_ENDED_S}"
    async with load.generator("--mode", "phases", "--phase", phase, "--responses", str(file)):
        await asyncio.sleep(LEAD_S)
        began = time.time()
        done = await asyncio.gather(*(_script(running, through, bodies) for _ in range(at_once)))
        ended = time.time()
    responses = list(responses_of(file))
    failed: Counter[str] = sum((one.failed or Counter() for one in done), Counter())
    finished = sum(one.finished for one in done)
    return BackBookFigures(
        at_once=at_once,
        through=through.name.lower(),
        batches=at_once * len(bodies),
        finished=finished,
        refused=sum(one.refused for one in done),
        failed=dict(failed),
        seconds=round(ended - began, 1),
        claims_per_s=round(finished * BATCH / (ended - began), 1),
        longest_position=max(one.longest_position for one in done),
        live=live_figures([one for one in responses if began <= one.due <= ended]),
    )


async def _script(running: BenchPlatform, through: Through, bodies: Sequence[bytes]) -> _Script:
    port = running.routes.api_port if through is Through.API else running.routes.scorer_port
    headers = {"authorization": f"Bearer {running.key}", "content-type": "application/json"}
    done = _Script(failed=Counter())
    assert done.failed is not None
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=120) as client:
        for body in bodies:
            until = time.monotonic() + GIVE_UP_S
            while True:
                try:
                    answer = await client.post(through.value, content=body)
                except httpx.HTTPError as error:
                    done.failed[type(error).__name__] += 1
                    break
                done.longest_position = max(done.longest_position, _position(answer))
                if answer.status_code == 200:
                    done.finished += 1
                    break
                pause = answer.headers.get("retry-after")
                if pause is None or time.monotonic() > until:
                    done.failed[str(answer.status_code)] += 1
                    break
                done.refused += 1
                await asyncio.sleep(float(pause))
    return done


def _position(answer: httpx.Response) -> int:
    stated = answer.headers.get("ginja-batch-position", "0")
    return int(stated)


def live_figures(responses: Sequence[Response]) -> LiveFigures:
    """The figures of live claims."""
    ordered = sorted(one.ms for one in responses)

    def at(share: float) -> float:
        return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 1)

    decided = [one for one in responses if one.status == 201]
    by_model = sum(one.decided_by == "model" for one in decided)
    return LiveFigures(
        claims=len(responses),
        by_model_share=round(by_model / max(1, len(decided)), 4),
        refused=len(responses) - len(decided),
        p50_ms=at(0.5),
        p99_ms=at(0.99),
        max_ms=at(1.0),
        statuses={str(status): count for status, count in sorted(Counter(one.status for one in responses).items())},
    )
