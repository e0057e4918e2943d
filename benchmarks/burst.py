"""How many of the claims of a burst of one provider the score of its last claim counts.

Training counts all that were received before. Serving counts those whose rows the worker has written by then (ADR
0153).
"""

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import psycopg

from benchmarks.connection import Connection, request_bytes
from benchmarks.platform import BenchPlatform

CLAIMS: Final = 40
FEATURE: Final = "provider_claims_1d"
"""Claims of the provider since yesterday, those of today included."""
_SETTLE_S: Final = 2.0
"""Time for the worker to write the rows of what was submitted before."""


@dataclass(frozen=True, slots=True)
class CountedClaims:
    """What the last claim of a burst that the model scored was served."""

    earlier: int
    """Claims of the burst that were received before it."""
    counted: int
    """How many of them its score counts."""


@dataclass(frozen=True, slots=True)
class BurstFigures:
    """Two bursts, each of `CLAIMS` claims of one provider."""

    at_once: CountedClaims
    """All submitted at once, each on a connection of its own."""
    in_turn: CountedClaims
    """Each submitted after the response to the one before."""


class UnscoredBurst(RuntimeError):
    """The claim before a burst, or every claim of it, was refused or decided by the rule: there is nothing to count."""


def measure_burst(running: BenchPlatform) -> BurstFigures:
    """Submit `CLAIMS` claims of one provider at once, then as many of another one in turn. Raises `UnscoredBurst`."""
    bodies = running.bodies()
    first, second, *_ = dict.fromkeys(json.loads(body)["provider_id"] for body in reversed(bodies))
    return BurstFigures(
        at_once=_counted(running, _of_provider(bodies, first), lines=CLAIMS),
        in_turn=_counted(running, _of_provider(bodies, second), lines=1),
    )


def _of_provider(bodies: Sequence[bytes], provider_id: str) -> list[bytes]:
    """A claim and a burst, each claim of another member, as claims of this provider."""
    of_member = {claim["member_id"]: claim for claim in map(json.loads, bodies)}
    chosen = list(of_member.values())[: CLAIMS + 1]
    return [json.dumps(claim | {"provider_id": provider_id}).encode() for claim in chosen]


def _counted(running: BenchPlatform, bodies: Sequence[bytes], *, lines: int) -> CountedClaims:
    """Submit one claim, and the others once its row is written; what the last scored one of them counts beyond it."""
    (before,) = _counts(running, asyncio.run(_submit(running, bodies[:1], 1))) or (None,)
    scored = [
        CountedClaims(earlier, round(count - before) - 1)
        for earlier, count in enumerate(_counts(running, asyncio.run(_submit(running, bodies[1:], lines))))
        if count is not None and before is not None
    ]
    if not scored:
        raise UnscoredBurst("the model scored no claim of a burst, or not the claim before it")
    return scored[-1]


async def _submit(running: BenchPlatform, bodies: Sequence[bytes], lines: int) -> list[str]:
    """Submit the claims over so many connections; returns the ids of those that were stored."""
    await asyncio.sleep(_SETTLE_S)
    left = iter(bodies)
    return [one for ids in await asyncio.gather(*(_line(running, left) for _ in range(lines))) for one in ids]


async def _line(running: BenchPlatform, left: Iterator[bytes]) -> list[str]:
    line, claim_ids = Connection("127.0.0.1", running.routes.api_port), []
    for body in left:
        request = request_bytes("/v1/claims", body, {"authorization": f"Bearer {running.key}"})
        status, answer = await line.post(request)
        if status == 201:
            claim_ids.append(str(json.loads(answer)["claim_id"]))
    line.close()
    return claim_ids


def _counts(running: BenchPlatform, claim_ids: Sequence[str]) -> list[float | None]:
    """What the first score of each claim counted, in the order of receipt; None: the rule decided it."""
    from api.migrate import plain_url

    statement = (
        "SELECT (vector ->> %s)::float FROM claims JOIN assessments USING (claim_id) "
        "WHERE claim_id = ANY(%s) AND supersedes IS NULL ORDER BY received_at, claim_id"
    )
    with psycopg.connect(plain_url(running.stage.database_url)) as connection:
        return [count for (count,) in connection.execute(statement, (FEATURE, list(claim_ids)))]
