"""The scorer as the rest of the API sees it: a valid score, or the reason why there is none."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from api import metrics
from api.scorer.breaker import Breaker, BreakerState
from api.scorer.clock_offset import ClockOffset
from api.scorer.errors import ScorerFailure, ScorerRefused
from api.scorer.http import HttpFailure, HttpPool, HttpResponse
from claims.model_report import MODEL_REPORT, MODELS_PATH, ModelReport
from claims.score_check import MIN_GAIN_PRESENT, InvalidScore, parse_score, parse_scores
from claims.scoring import (
    DETAILS_PATH,
    STORE_POSITION_HEADER,
    WINDOWS_PATH,
    ClaimFacts,
    ExplanationDetails,
    Score,
    StorePosition,
)
from claims.windows import WindowValue
from core.logging import get_logger

log = get_logger("scorer")

MAX_SCORE_BYTES = 512 * 1024
TOO_LITTLE_KNOWN = "too_little_known"
"""`Scoring.failure` of a score with too few available features to be used."""
WINDOWS_DEADLINE_S = 2.0
REPORT_DEADLINE_S = 3.0
MAX_REPORT_BYTES = 4 * 1024 * 1024
DETAILS_DEADLINE_S = 2.0
"""Comparing a claim with 2,000 others takes a tenth of a second."""
_DETAILS = TypeAdapter(Mapping[str, object])
_WINDOWS = TypeAdapter(dict[Literal["windows"], dict[str, WindowValue]], config=ConfigDict(cache_strings="keys"))
_STATES = TypeAdapter(Mapping[str, object])
States = Mapping[str, object]
"""Feature states of a claim as of its receipt, as a score request carries them."""


@dataclass(frozen=True, slots=True)
class _ScorerStatus:
    """The part of the scorer's status that says which models score."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(cache_strings="keys")

    model_version: str | None
    challenger_version: str | None


_STATUS = TypeAdapter(_ScorerStatus)


@dataclass(frozen=True, slots=True)
class Scoring:
    """Result of a call of the scorer."""

    score: Score | None
    failure: str | None
    """Why there is no score: `deadline`, `connect`, `clock_skew`, `breaker_open`, `sum`, `too_little_known` …"""
    breaker_state: str
    """Of the breaker when the scorer was to be called."""
    withheld: Score | None = None
    """A valid score that is not used, because too few of the model's features were available."""


@dataclass(frozen=True, slots=True)
class ServingModels:
    """The versions of the models that score."""

    champion: str
    challenger: str | None

    @property
    def versions(self) -> frozenset[str]:
        """Both, or the champion alone."""
        return frozenset(version for version in (self.champion, self.challenger) if version is not None)


class ScorerClient:
    """One pool of connections and one breaker for one scorer."""

    def __init__(
        self,
        base_url: str,
        *,
        deadline_ms: int,
        hedge_after_ms: int | None = None,
        least_gain_present: float = MIN_GAIN_PRESENT,
        token: str | None = None,
        ca_file: Path | None = None,
    ) -> None:
        self._pool = HttpPool(base_url, token=token, ca_file=ca_file)
        self._deadline_s = deadline_ms / 1_000
        self._hedge_after_s = None if hedge_after_ms is None else hedge_after_ms / 1_000
        self.least_gain_present = least_gain_present
        self.breaker = Breaker()
        self.clock_offset = ClockOffset()
        self._show_breaker(time.monotonic())

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    def state(self) -> BreakerState:
        """The breaker's state now."""
        return self.breaker.state(time.monotonic())

    async def score(
        self, facts: ClaimFacts, states: States | None = None, *, store: StorePosition | None = None
    ) -> Scoring:
        """Score a claim within the deadline; never raises for what the scorer does or fails to do.

        `states` are the feature states as of the claim's receipt; without them the scorer reads the current ones, from
        an online store that has reached the position `store`.
        """
        now = time.monotonic()
        before = self.breaker.state(now).value
        if not self.breaker.admits(now):
            metrics.SCORER_FAILURES.labels("breaker_open").inc()
            return Scoring(None, "breaker_open", before)
        try:
            score = await self._request(facts, states, store)
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

    async def score_batch(
        self, claims: Sequence[ClaimFacts], *, deadline_s: float, store: StorePosition | None = None
    ) -> list[Score]:
        """Score many claims in one call, in their order; raises `ScorerFailure`. The breaker is not involved.

        A batch that the scorer refuses with `Retry-After` is sent again then, as long as the deadline allows.
        """
        requests = ",".join(f'{{"claim":{facts.model_dump_json()},"states":null}}' for facts in claims)
        body = f'{{"requests":[{requests}]}}'.encode()
        until = time.monotonic() + deadline_s
        while True:
            left_s = until - time.monotonic()
            try:
                response = await self._post("/v1/score_batch", body, left_s, store)
                break
            except ScorerFailure as failure:
                if failure.retry_after_s is None or failure.retry_after_s >= left_s:
                    raise
                log.info("batch postponed", retry_after_s=failure.retry_after_s, code=failure.code)
                await asyncio.sleep(failure.retry_after_s)
        try:
            return parse_scores(response.body, [facts.claim_id for facts in claims])
        except InvalidScore as error:
            raise ScorerFailure(error.code, str(error)) from None

    async def details(
        self, model_version: str | None, vector: Mapping[str, float | None] | None, specialty: str | None
    ) -> ExplanationDetails | None:
        """What explains a score further; None without a score, and where the scorer is unavailable or does not have
        that model any more. The breaker is not involved.
        """
        if model_version is None or vector is None:
            return None
        body = _DETAILS.dump_json({"model_version": model_version, "specialty": specialty, "vector": vector})
        try:
            response = await self._post(DETAILS_PATH, body, DETAILS_DEADLINE_S, None, limit=MAX_SCORE_BYTES)
            found = ExplanationDetails.model_validate_json(response.body)
        except ScorerFailure as failure:
            if failure.code != "http_409":  # another model serves
                log.info("explained without details", code=failure.code)
            return None
        except (ScorerRefused, ValidationError) as error:
            log.warning("explained without details", error=type(error).__name__)
            return None
        return found

    async def serving_models(self) -> ServingModels:
        """The models that score: the champion and a challenger. Raises `ScorerFailure`, also where there is none."""
        try:
            response = await self._pool.get("/", deadline_s=WINDOWS_DEADLINE_S, limit=MAX_SCORE_BYTES)
            status = _STATUS.validate_json(response.body)
        except HttpFailure as failure:
            raise ScorerFailure(failure.code, str(failure)) from None
        except ValidationError:
            raise ScorerFailure("schema", "the scorer's status is not that of this version") from None
        if status.model_version is None:
            raise ScorerFailure("no_model", "the scorer has no model")
        return ServingModels(status.model_version, status.challenger_version)

    async def model_report(self) -> ModelReport:
        """What the scorer's home says about its models. Raises `ScorerFailure`."""
        try:
            response = await self._pool.get(MODELS_PATH, deadline_s=REPORT_DEADLINE_S, limit=MAX_REPORT_BYTES)
            if response.status != 200:
                raise ScorerFailure(f"http_{response.status}", f"the scorer responded with {response.status}")
            return MODEL_REPORT.validate_json(response.body)
        except HttpFailure as failure:
            raise ScorerFailure(failure.code, str(failure)) from None
        except ValidationError:
            raise ScorerFailure("schema", "the scorer's report on its models is not that of this version") from None

    async def windows(self) -> dict[str, WindowValue]:
        """The windows whose values the scorer's models use, by attribute. Raises `ScorerFailure`."""
        try:
            response = await self._pool.get(WINDOWS_PATH, deadline_s=WINDOWS_DEADLINE_S, limit=MAX_SCORE_BYTES)
            if response.status != 200:
                raise ScorerFailure(f"http_{response.status}", f"the scorer responded with {response.status}")
            return _WINDOWS.validate_json(response.body)["windows"]
        except HttpFailure as failure:
            raise ScorerFailure(failure.code, str(failure)) from None
        except ValidationError:
            raise ScorerFailure("schema", "the scorer's windows are not those of this version") from None

    async def _request(self, facts: ClaimFacts, states: States | None, store: StorePosition | None) -> Score:
        sent = b"null" if states is None else _STATES.dump_json(states)
        body = b'{"claim":%b,"states":%b}' % (facts.model_dump_json().encode(), sent)
        if self._hedge_after_s is None or self.state() is not BreakerState.CLOSED:  # a probe is one request
            return await self._valid_score(body, facts.claim_id, self._deadline_s, store)
        return await self._hedged(body, facts.claim_id, self._hedge_after_s, store)

    async def _hedged(self, body: bytes, claim_id: str, after_s: float, store: StorePosition | None) -> Score:
        """Send a second request where no response came within `after_s`; the first valid score is used.

        The other is dropped. A request that fails sooner is not repeated. Scoring a claim twice has no side effects.
        """
        until = time.monotonic() + self._deadline_s
        requests = {asyncio.create_task(self._valid_score(body, claim_id, self._deadline_s, store))}
        try:
            done, waiting = await asyncio.wait(requests, timeout=after_s)
            if waiting:
                metrics.SCORER_HEDGES.inc()
                requests.add(asyncio.create_task(self._valid_score(body, claim_id, until - time.monotonic(), store)))
                waiting = set(requests)
            while waiting:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                if valid := [one for one in done if one.exception() is None]:
                    return valid[0].result()
            return done.pop().result()  # all have failed; raises the error of the last one
        finally:
            for one in requests:
                one.cancel()
            await asyncio.gather(*requests, return_exceptions=True)

    async def _valid_score(self, body: bytes, claim_id: str, deadline_s: float, store: StorePosition | None) -> Score:
        started = time.perf_counter()
        response = await self._post("/v1/score", body, deadline_s, store, limit=MAX_SCORE_BYTES)
        metrics.SCORER_SECONDS.observe(time.perf_counter() - started)
        try:
            return parse_score(response.body, claim_id)
        except InvalidScore as error:
            raise ScorerFailure(error.code, str(error)) from None

    async def _post(
        self, path: str, body: bytes, deadline_s: float, store: StorePosition | None, **options: int
    ) -> HttpResponse:
        sent = time.time()
        headers = {"Ginja-Deadline": str(round((sent + deadline_s + self.clock_offset.seconds) * 1_000))}
        if store is not None:
            headers[STORE_POSITION_HEADER] = str(store)
        try:
            response = await self._pool.post(path, body, headers=headers, deadline_s=deadline_s, **options)
        except HttpFailure as failure:
            raise ScorerFailure(failure.code, str(failure)) from None
        if response.server_time is not None:
            self.clock_offset.measure(sent=sent, received=time.time(), theirs=response.server_time)
        if response.status == 504 and abs(self.clock_offset.seconds) >= deadline_s / 2:
            raise ScorerFailure(
                "clock_skew", f"the scorer's clock is {self.clock_offset.seconds:.3f} s ahead; synchronize both hosts"
            )
        if response.status in (413, 415, 422):
            raise ScorerRefused(f"http_{response.status}", f"the scorer refused the request with {response.status}")
        if response.status != 200:
            message = f"the scorer responded with {response.status}"
            raise ScorerFailure(f"http_{response.status}", message, retry_after_s=response.retry_after_s)
        return response

    def _without(self, failure: ScorerFailure, before: str) -> Scoring:
        self._show_breaker(time.monotonic())
        metrics.SCORER_FAILURES.labels(failure.code).inc()
        return Scoring(None, failure.code, before)

    def _show_breaker(self, now: float) -> None:
        state = self.breaker.state(now)
        for one in BreakerState:
            metrics.BREAKER.labels(one.value).set(one is state)
