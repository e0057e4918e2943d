"""The scorer, as the rest of the API sees it: a valid score, or the reason why there is none."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from api import metrics
from api.scoring.breaker import Breaker, State
from api.scoring.errors import ScorerFailure, ScorerRefused
from api.scoring.http import Answer, HttpFailure, HttpPool
from claims.score_check import MIN_GAIN_PRESENT, InvalidScore, parse_score, parse_scores
from claims.scoring import ClaimFacts, Score

MAX_SCORE_BYTES = 512 * 1024
TOO_LITTLE_KNOWN = "too_little_known"
"""`Scoring.failure` of a score that rests on too little to be used."""
_STATES = TypeAdapter(dict[str, Any])


@dataclass(frozen=True, slots=True)
class Scoring:
    """What asking the scorer came to."""

    score: Score | None
    failure: str | None
    """Why there is no score: `deadline`, `connect`, `breaker_open`, `sum`, `too_little_known` …"""
    breaker_state: str
    """As it was when the claim came."""
    withheld: Score | None = None
    """A valid score that is not used, because too little was known to the model."""


class ScorerClient:
    """One pool of connections and one breaker for one scorer."""

    def __init__(
        self,
        base_url: str,
        *,
        deadline_ms: int,
        hedge_after_ms: int | None = None,
        least_gain_present: float = MIN_GAIN_PRESENT,
    ) -> None:
        self._pool = HttpPool(base_url)
        self._deadline_s = deadline_ms / 1_000
        self._hedge_after_s = None if hedge_after_ms is None else hedge_after_ms / 1_000
        self.least_gain_present = least_gain_present
        self.breaker = Breaker()
        self._show_breaker(time.monotonic())

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    def state(self) -> State:
        """The breaker's state now."""
        return self.breaker.state(time.monotonic())

    async def score(self, facts: ClaimFacts, states: dict[str, Any] | None = None) -> Scoring:
        """Score a claim within the deadline; never raises for what the scorer does or fails to do.

        `states` is the past as of the claim's receipt; without it the scorer reads what is known now.
        """
        now = time.monotonic()
        before = self.breaker.state(now).value
        if not self.breaker.admits(now):
            metrics.SCORER_FAILURES.labels("breaker_open").inc()
            return Scoring(None, "breaker_open", before)
        try:
            score = await self._ask(facts, states)
        except ScorerRefused as refused:
            self.breaker.succeeded(time.monotonic())
            return self._without(refused, before)
        except ScorerFailure as failure:
            self.breaker.failed(time.monotonic())
            return self._without(failure, before)
        except BaseException:
            self.breaker.failed(time.monotonic())  # cancelled, or a defect: the breaker must not wait for this probe
            raise
        self.breaker.succeeded(time.monotonic())
        self._show_breaker(time.monotonic())
        metrics.MODEL.labels(score.model_version).inc()
        if score.gain_present < self.least_gain_present:  # the scorer is healthy; its inputs are missing
            metrics.SCORER_FAILURES.labels(TOO_LITTLE_KNOWN).inc()
            return Scoring(None, TOO_LITTLE_KNOWN, before, withheld=score)
        return Scoring(score, None, before)

    async def score_batch(self, claims: Sequence[ClaimFacts], *, deadline_s: float) -> list[Score]:
        """Score many claims in one call, in their order; raises `ScorerFailure`. The breaker is not involved."""
        requests = ",".join(f'{{"claim":{facts.model_dump_json()},"states":null}}' for facts in claims)
        answer = await self._post("/v1/score_batch", f'{{"requests":[{requests}]}}'.encode(), deadline_s)
        try:
            return parse_scores(answer.body, [facts.claim_id for facts in claims])
        except InvalidScore as error:
            raise ScorerFailure(error.code, str(error)) from None

    async def _ask(self, facts: ClaimFacts, states: dict[str, Any] | None) -> Score:
        sent = b"null" if states is None else _STATES.dump_json(states)
        body = b'{"claim":%b,"states":%b}' % (facts.model_dump_json().encode(), sent)
        if self._hedge_after_s is None or self.state() is not State.CLOSED:  # a probe is one request
            return await self._validated(body, facts.claim_id, self._deadline_s)
        return await self._hedged(body, facts.claim_id, self._hedge_after_s)

    async def _hedged(self, body: bytes, claim_id: str, after_s: float) -> Score:
        """Ask a second time where no answer came within `after_s`; the first valid one counts.

        The other is dropped. What fails sooner than that is not asked again. Asking for a score twice changes nothing.
        """
        until = time.monotonic() + self._deadline_s
        asking = {asyncio.create_task(self._validated(body, claim_id, self._deadline_s))}
        try:
            answered, waiting = await asyncio.wait(asking, timeout=after_s)
            if waiting:
                metrics.SCORER_HEDGES.inc()
                asking.add(asyncio.create_task(self._validated(body, claim_id, until - time.monotonic())))
                waiting = set(asking)
            while waiting:
                answered, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                if valid := [one for one in answered if one.exception() is None]:
                    return valid[0].result()
            return answered.pop().result()  # all there was to wait for; where both failed, as the last one did
        finally:
            for one in asking:
                one.cancel()
            await asyncio.gather(*asking, return_exceptions=True)

    async def _validated(self, body: bytes, claim_id: str, deadline_s: float) -> Score:
        started = time.perf_counter()
        answer = await self._post("/v1/score", body, deadline_s, limit=MAX_SCORE_BYTES)
        metrics.SCORER_SECONDS.observe(time.perf_counter() - started)
        try:
            return parse_score(answer.body, claim_id)
        except InvalidScore as error:
            raise ScorerFailure(error.code, str(error)) from None

    async def _post(self, path: str, body: bytes, deadline_s: float, **options: int) -> Answer:
        headers = {"Ginja-Deadline": str(round((time.time() + deadline_s) * 1_000))}
        try:
            answer = await self._pool.post(path, body, headers=headers, deadline_s=deadline_s, **options)
        except HttpFailure as failure:
            raise ScorerFailure(failure.code, str(failure)) from None
        if answer.status in (413, 415, 422):
            raise ScorerRefused(f"http_{answer.status}", f"the scorer refused the request with {answer.status}")
        if answer.status != 200:
            raise ScorerFailure(f"http_{answer.status}", f"the scorer answered {answer.status}")
        return answer

    def _without(self, failure: ScorerFailure, before: str) -> Scoring:
        self._show_breaker(time.monotonic())
        metrics.SCORER_FAILURES.labels(failure.code).inc()
        return Scoring(None, failure.code, before)

    def _show_breaker(self, now: float) -> None:
        state = self.breaker.state(now)
        for one in State:
            metrics.BREAKER.labels(one.value).set(one is state)
