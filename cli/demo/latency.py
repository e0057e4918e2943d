"""Latency of an explained score over HTTP, for one client that sends one request after the other."""

import http.client
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import numpy as np

from claims.scoring import CLAIM_COLUMNS, ClaimFacts
from cli.progress import Task

if TYPE_CHECKING:
    from pipelines.simulate import UpcomingClaim

WARM_UP = 30
ROUNDS = 3
"""How often each claim is scored."""


def score_latencies(scorer: str, claims: "Sequence[UpcomingClaim]", step: Task) -> tuple[float, float, int]:
    """Median and 99th percentile in milliseconds, and the number of scores.

    A 503 (no score in time) counts with the time it took. Raises
    `RuntimeError` on any other answer.
    """
    bodies = [f'{{"claim":{_facts(claim).model_dump_json()}}}'.encode() for claim in claims] * ROUNDS
    step.total(len(bodies))
    address = urlsplit(scorer)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=5)
    taken = []
    try:
        for body in [*bodies[:WARM_UP], *bodies]:
            started = time.perf_counter()
            connection.request("POST", "/v1/score", body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer = response.read()
            taken.append((time.perf_counter() - started) * 1_000)
            if response.status not in (http.HTTPStatus.OK, http.HTTPStatus.SERVICE_UNAVAILABLE):
                raise RuntimeError(
                    f"the scorer responded with {response.status}: {answer[:200].decode(errors='replace')}"
                )
            step.advance()
    finally:
        connection.close()
    p50, p99 = np.percentile(taken[WARM_UP:], [50, 99])
    return float(p50), float(p99), len(bodies)


def _facts(claim: Mapping[str, object]) -> ClaimFacts:
    """The facts of a row of the claims frame."""
    return ClaimFacts.model_validate({name: claim[name] for name in CLAIM_COLUMNS})
