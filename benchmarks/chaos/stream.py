"""The stream of claims of the chaos test, and what became of each."""

import asyncio
import itertools
import json
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from api.errors import OutcomeUnknown
from benchmarks.connection import Connection, RawResponse, request_bytes
from core.ids import new_id

RESEND_TRIES = 5
_RESEND_PAUSE_S = 1.0
_RESEND_LINES = 4
"""Claims that are sent again at the same time."""
_MEMBER_EVERY = 4
"""With a `member` set, each fourth claim is one of this member."""
_REFUSALS = (429, 503)
CREATED = 201


@dataclass(slots=True)
class SubmittedClaim:
    """One submitted claim, and the last response to it."""

    at: float
    """When it was due, in seconds of the event loop's clock."""
    request: bytes
    of_member: bool
    """It is one of the member that the fault is about."""
    first_status: int
    """Status of the first response; 0: none."""
    ms: float
    retry_after: bool
    outcome_unknown: bool
    only_refused: bool
    """Each response so far was 429 or 503 with Retry-After, and did not leave open whether the claim was stored."""
    status: int
    """Status of the last response: claims without a decision are sent again after the fault."""
    claim_id: str
    decided_by: str

    @property
    def refused(self) -> bool:
        """The first response said when to send it again."""
        return self.first_status in _REFUSALS and self.retry_after

    def is_lost(self, stored: Collection[str]) -> bool:
        """Whether it was confirmed and is not among those stored, or nothing is known of it after all resends."""
        return self.claim_id not in stored if self.status == CREATED else not self.only_refused

    def note(self, response: RawResponse) -> None:
        """Take the response to a resend into account."""
        self.status = response.status
        self.only_refused &= _is_refusal(response)
        if response.status == CREATED:
            found = _json(response.body)
            self.claim_id, self.decided_by = found["claim_id"], found.get("decided_by") or ""


class ClaimStream:
    """Submits claims at a constant rate, whatever the responses."""

    def __init__(self, port: int, key: str, bodies: Sequence[bytes]) -> None:
        self.sent: list[SubmittedClaim] = []
        self.member: str | None = None
        """Set by a fault that is about one member: some claims are then of this member."""
        self.on_sent: Callable[[SubmittedClaim], None] | None = None
        self._port = port
        self._key = key
        self._bodies = bodies
        self._idle: list[Connection] = []
        self._open: set[asyncio.Task[None]] = set()

    def member_of(self, number: int) -> str:
        """The member of a claim that will be submitted."""
        return str(json.loads(self._bodies[number % len(self._bodies)])["member_id"])

    async def run(self, rate: float) -> None:
        """Submit claims until cancelled."""
        loop = asyncio.get_running_loop()
        begin = loop.time()
        for number, body in enumerate(itertools.cycle(self._bodies)):
            due = begin + number / rate
            if (wait := due - loop.time()) > 0:
                await asyncio.sleep(wait)
            of_member = self.member is not None and number % _MEMBER_EVERY == 0
            if of_member:
                body = json.dumps(json.loads(body) | {"member_id": self.member}).encode()
            self._start(body, due, of_member=of_member)

    async def burst(self, count: int) -> None:
        """Submit claims at once, and wait for their responses."""
        now = asyncio.get_running_loop().time()
        for body in self._bodies[:count]:
            self._start(body, now, of_member=False)
        await self.answered()

    def _start(self, body: bytes, due: float, *, of_member: bool) -> None:
        headers = {"authorization": f"Bearer {self._key}", "idempotency-key": new_id("chaos")}
        request = request_bytes("/v1/claims", body, headers)
        task = asyncio.create_task(self._submit(request, due, of_member=of_member))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def resend_undecided(self) -> None:
        """Send every claim without a decision again, with its idempotency key, until it has one or tries run out."""
        await self.answered()
        for attempt in range(RESEND_TRIES):
            left = [claim for claim in self.sent if claim.status != CREATED]
            if not left:
                return
            if attempt:
                await asyncio.sleep(_RESEND_PAUSE_S)
            waiting = iter(left)
            await asyncio.gather(*(self._send_each(waiting) for _ in range(_RESEND_LINES)))

    async def answered(self) -> None:
        """Wait until every claim that is under way now was answered."""
        if self._open:
            await asyncio.wait(set(self._open))

    async def _submit(self, request: bytes, due: float, *, of_member: bool) -> None:
        line = self._line()
        response = await line.send(request)
        ms = (asyncio.get_running_loop().time() - due) * 1_000
        self._idle.append(line)
        found = _json(response.body)
        claim = SubmittedClaim(
            at=due,
            request=request,
            of_member=of_member,
            first_status=response.status,
            ms=ms,
            retry_after=_says_when(response),
            outcome_unknown=_leaves_outcome_open(response),
            only_refused=_is_refusal(response),
            status=response.status,
            claim_id=found.get("claim_id", "") if response.status == CREATED else "",
            decided_by=found.get("decided_by") or "",
        )
        self.sent.append(claim)
        if self.on_sent is not None:
            self.on_sent(claim)

    async def _send_each(self, claims: Iterator[SubmittedClaim]) -> None:
        for claim in claims:
            await self._send_again(claim)

    async def _send_again(self, claim: SubmittedClaim) -> None:
        line = self._line()
        response = await line.send(claim.request)
        self._idle.append(line)
        claim.note(response)

    def _line(self) -> Connection:
        return self._idle.pop() if self._idle else Connection("127.0.0.1", self._port)


def _says_when(response: RawResponse) -> bool:
    return b"\r\nretry-after:" in response.head.lower()


def _leaves_outcome_open(response: RawResponse) -> bool:
    return bool(_json(response.body).get("type") == OutcomeUnknown.type_uri())


def _is_refusal(response: RawResponse) -> bool:
    """It says when to send the claim again, and that nothing was stored."""
    return response.status in _REFUSALS and _says_when(response) and not _leaves_outcome_open(response)


def _json(body: bytes) -> dict[str, Any]:
    with suppress(ValueError):
        found = json.loads(body)
        if isinstance(found, dict):
            return found
    return {}
