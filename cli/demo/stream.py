"""Submits claims to the API at a constant rate, and collects the answers."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from claims.money import format_cents
from cli.demo.claims import ClaimBody, DecidedClaim
from core.ids import new_id

if TYPE_CHECKING:
    from pipelines.simulate import UpcomingClaim

_LONGEST_ANSWER_S = 10.0
_NO_ANSWER_S = 1.0
"""Time until a claim without an answer is sent again."""
_GIVES_UP_S = 60.0
_PAGE = 100


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer for one claim."""

    status: int
    """HTTP status; 0: no answer."""
    claim: DecidedClaim | None
    """The claim as decided; none where it was not accepted."""
    ms: float

    @property
    def by_rule(self) -> bool:
        """Whether the rule decided, for lack of a score."""
        return self.claim is not None and self.claim.decided_by == "rule"


def decided_claims(answers: Iterable[Answer]) -> list[DecidedClaim]:
    """The claims of the answers that were accepted and decided."""
    return [answer.claim for answer in answers if answer.claim is not None]


def claim_body(claim: "UpcomingClaim", *, factor: int = 1) -> ClaimBody:
    """A simulated claim as a request body, its amounts multiplied by `factor`."""
    return {
        "member_id": claim["member_id"],
        "provider_id": claim["provider_id"],
        "diagnosis_code": claim["diagnosis_code"],
        "service_from": claim["service_from"].isoformat(),
        "service_to": claim["service_to"].isoformat(),
        "place_of_service": claim["place_of_service"],
        "lines": [
            {
                "procedure_code": line["procedure_code"],
                "amount": format_cents(line["amount_cents"] * factor),
                "units": line["units"],
                "service_date": line["service_date"].isoformat(),
            }
            for line in claim["line_items"]
        ],
    }


def submit(
    api: str,
    key: str,
    bodies: Sequence[ClaimBody],
    *,
    per_second: float,
    on_answer: Callable[[Answer], None],
    events: Mapping[int, Callable[[], None]] | None = None,
) -> list[Answer]:
    """Send `per_second` claims per second, without waiting for answers; `events[n]` is called before claim n is sent.

    Returns the answers in the order of `bodies`.
    """
    return asyncio.run(_submit(api, key, bodies, per_second, on_answer, events or {}))


async def _submit(
    api: str,
    key: str,
    bodies: Sequence[ClaimBody],
    per_second: float,
    on_answer: Callable[[Answer], None],
    events: Mapping[int, Callable[[], None]],
) -> list[Answer]:
    async with httpx.AsyncClient(base_url=api, headers=_headers(key), timeout=_LONGEST_ANSWER_S) as client:
        started = time.perf_counter()
        sent = []
        for number, body in enumerate(bodies):
            await asyncio.sleep(started + number / per_second - time.perf_counter())
            if number in events:
                await asyncio.to_thread(events[number])
            sent.append(asyncio.create_task(_one(client, body, on_answer)))
        return list(await asyncio.gather(*sent))


async def _one(client: httpx.AsyncClient, body: ClaimBody, on_answer: Callable[[Answer], None]) -> Answer:
    """Submit a claim; one that is refused for now, or has no answer, is sent again under its key."""
    started = time.perf_counter()
    key = new_id("demo")
    while True:
        status, claim, wait_s = await _attempt(client, body, key)
        if wait_s is None or time.perf_counter() + wait_s > started + _GIVES_UP_S:
            break
        await asyncio.sleep(wait_s)
    answer = Answer(status, claim, (time.perf_counter() - started) * 1_000)
    on_answer(answer)
    return answer


async def _attempt(
    client: httpx.AsyncClient, body: ClaimBody, key: str
) -> tuple[int, DecidedClaim | None, float | None]:
    """Status, claim, and the seconds after which to send it again, if that can help."""
    try:
        response = await client.post("/v1/claims", json=body, headers={"Idempotency-Key": key})
        if response.status_code == httpx.codes.CREATED:
            return response.status_code, DecidedClaim.from_json(response.json()), None
        return response.status_code, None, _retry_after(response)
    except (httpx.TransportError, ValueError):
        return 0, None, _NO_ANSWER_S


def _retry_after(response: httpx.Response) -> float | None:
    stated = response.headers.get("Retry-After", "")
    return float(stated) if stated.isdigit() else None


def current(api: str, key: str, claim_ids: Iterable[str]) -> dict[str, DecidedClaim]:
    """The claims as they are now, by id; unknown ones are left out."""
    awaited = set(claim_ids)
    found: dict[str, DecidedClaim] = {}
    with httpx.Client(base_url=api, headers=_headers(key), timeout=_LONGEST_ANSWER_S) as client:
        cursor: str | None = None
        while len(found) < len(awaited):
            page = client.get("/v1/claims", params={"limit": _PAGE, **({"cursor": cursor} if cursor else {})})
            page.raise_for_status()
            body = page.json()
            found |= {
                claim["claim_id"]: DecidedClaim.from_json(claim)
                for claim in body["claims"]
                if claim["claim_id"] in awaited
            }
            cursor = body["next_cursor"]
            if cursor is None:
                break
    return found


def _headers(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}
