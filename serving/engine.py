"""Score requests: take the current models, read the features, score and explain, return JSON bytes."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Self

from claims.scoring import ClaimFacts, Score, StorePosition
from claims.windows import WindowValue
from core import clock
from core.background import Background
from core.live_claims import LiveClaims
from core.servers import valkey_url
from core.settings import Settings
from features.errors import AttributeTypeError, StatesError
from features.vector import Reading, Readings
from models.canary import in_canary
from models.details import explanation_details
from models.errors import SchemaMismatchError
from models.scorer import Scorer
from serving import metrics
from serving.errors import InvalidScoreRequest, ModelNotLoaded, NoModelLoaded
from serving.live import LoadedModels, ModelWatcher
from serving.online_store import OnlineStoreClient
from serving.status import ScorerStatus
from serving.warm import warm
from serving.wire import BatchItem, encode_score

POLL_SECONDS = 1.0
"""Interval between two looks at the pointers and at the online store."""
SLICE = 32
"""Claims of a batch scored before other requests are served: a few milliseconds of work."""
SLICE_BESIDE_LIVE = 4
"""As `SLICE`, while live claims are scored: they wait for a slice that has begun."""


class Engine:
    """State of one worker process: the models and the online store client."""

    def __init__(self, models: ModelWatcher, store: OnlineStoreClient, live: LiveClaims) -> None:
        self._loaded = models
        self._live = live
        self._store = store
        # One thread: of a request that its sender gave up the work goes on, and the next one waits for it.
        self._explaining = ThreadPoolExecutor(max_workers=1, thread_name_prefix="explanation")

    @classmethod
    async def open(cls, settings: Settings, live: LiveClaims) -> Self:
        """Load the models, connect and warm up. A missing model or store does not prevent the start."""
        models = ModelWatcher(settings.home.resolve(), warm=warm)
        await models.refresh()
        return cls(models, await OnlineStoreClient.open(valkey_url(settings)), live)

    def watch(self, background: Background) -> None:
        """Watch the pointers and the online store, once per second."""
        background.repeat("models", self._loaded.refresh, every_s=POLL_SECONDS)
        background.repeat("online store", self._store.check, every_s=POLL_SECONDS)

    async def close(self) -> None:
        """Close the connections to the online store, and the thread of explanations once it is idle."""
        await self._store.close()
        self._explaining.shutdown(wait=False, cancel_futures=True)

    def status(self) -> ScorerStatus:
        """The status reported by `/readyz`."""
        models = self._loaded.models
        missing = [] if models.champion else ["model"]
        if not self._store.answers:
            missing.append("online store")
        return ScorerStatus(
            models.champion.version if models.champion else None,
            models.challenger.version if models.challenger else None,
            missing,
        )

    def windows(self) -> dict[str, WindowValue]:
        """The windows that the models use, by the name that a claim is sent with each value under."""
        models = (self._loaded.models.challenger, self._loaded.models.champion)
        return {name: window for one in models if one for name, window in one.artefact.document.windows.items()}

    async def score(
        self,
        claim: ClaimFacts,
        states: dict[str, object] | None,
        deadline: float | None,
        store: StorePosition | None = None,
    ) -> bytes:
        """One claim's score as JSON; `store` is the position that the online store must have reached.

        Raises a `Refusal` when it cannot be scored.
        """
        models, champion = self._models()
        reading = await self._store.read(claim, deadline, store) if states is None else _sent(states)
        return _score_one(models, champion, claim, reading)

    async def score_batch(
        self, requests: Sequence[BatchItem], deadline: float | None, store: StorePosition | None = None
    ) -> bytes:
        """The scores of many claims as JSON, in their order. Each claim's states come from one snapshot."""
        models, champion = self._models()
        sent = [None if item.states is None else _sent(item.states) for item in requests]
        answers: list[bytes] = []
        start = 0
        while start < len(requests):
            await self._live.give_way()
            end = start + (SLICE_BESIDE_LIVE if self._live.are_recent else SLICE)
            answers += await self._score_slice(models, champion, requests[start:end], sent[start:end], deadline, store)
            start = end
        return b'{"scores":[' + b",".join(answers) + b"]}"

    async def _score_slice(
        self,
        models: LoadedModels,
        champion: Scorer,
        items: Sequence[BatchItem],
        sent: Sequence[Reading | None],
        deadline: float | None,
        store: StorePosition | None,
    ) -> list[bytes]:
        """The scores of some claims of a batch as JSON; `sent` are the states that came with them."""
        answers: dict[int, bytes] = {}
        unread = [place for place, reading in enumerate(sent) if reading is None]
        if unread:
            claims = [items[place].claim for place in unread]
            readings = await self._store.read_batch(claims, deadline, store)
            answers.update(zip(unread, _score_many(models, champion, claims, readings), strict=True))
        given = {place: reading for place, reading in enumerate(sent) if reading is not None}
        if given:
            claims = [items[place].claim for place in given]
            readings = Readings.of(list(given.values()))
            answers.update(zip(given, _score_many(models, champion, claims, readings), strict=True))
        return [answers[place] for place in range(len(items))]

    async def explain(self, version: str, vector: dict[str, float | None], specialty: str | None) -> bytes:
        """The details of a vector that a loaded model has scored, as JSON; on another thread, beside live claims.

        Raises `ModelNotLoaded`, or `InvalidScoreRequest` when the vector is not one of that model.
        """
        models = self._loaded.models
        found = next((one for one in (models.champion, models.challenger) if one and one.version == version), None)
        if found is None:
            raise ModelNotLoaded("explain claims that the champion or the challenger scored")
        try:
            details = await asyncio.get_running_loop().run_in_executor(
                self._explaining, explanation_details, found.artefact, vector, specialty
            )
        except SchemaMismatchError as error:
            raise _invalid("vector", str(error)) from error
        return details.model_dump_json().encode()

    def _models(self) -> tuple[LoadedModels, Scorer]:
        models = self._loaded.models
        if models.champion is None:
            raise NoModelLoaded(
                "promote a model, or restore the folder of the previous one; the log states what was refused"
            )
        return models, models.champion


def _sent(states: dict[str, object]) -> Reading:
    try:
        return Reading.from_wire(states)
    except StatesError as error:
        raise _invalid("states", str(error)) from error


def _refused(error: AttributeTypeError) -> InvalidScoreRequest:
    return _invalid("claim.attributes", str(error))


def _invalid(field: str, message: str) -> InvalidScoreRequest:
    return InvalidScoreRequest("1 field is invalid", errors=[{"field": field, "message": message}])


def _score_one(models: LoadedModels, champion: Scorer, facts: ClaimFacts, reading: Reading) -> bytes:
    """The score of one claim as JSON, by the model that decides it, with the shadow score of the other."""
    began = time.perf_counter()
    ((decides, other, _),) = _assignments(models, champion, [facts])
    try:
        score = decides.score(facts, reading, challenger=other)
    except AttributeTypeError as error:
        raise _refused(error) from error
    answer = encode_score(score)
    metrics.SCORE_SECONDS.observe(time.perf_counter() - began)
    _count([score])
    for view in reading.stale:
        metrics.STALE_VIEWS.labels(view).inc()
    times = [us for us in reading.times_us.values() if us is not None]
    if times:
        metrics.FEATURE_AGE_SECONDS.observe((clock.micros(facts.received_at) - min(times)) / 1_000_000)
    return answer


def _score_many(
    models: LoadedModels, champion: Scorer, claims: Sequence[ClaimFacts], readings: Readings
) -> list[bytes]:
    """The scores of several claims as JSON, in order, without counterfactuals.

    They are explained together, one tree at a time, so that each tree is read from memory once.
    """
    began = time.perf_counter()
    scores: dict[int, Score] = {}
    for decides, other, places in _assignments(models, champion, claims):
        everyone = len(places) == len(claims)
        try:
            scored = decides.score_readings(
                claims if everyone else [claims[place] for place in places],
                readings if everyone else readings.take(places),
                challenger=other,
            )
        except AttributeTypeError as error:
            raise _refused(error) from error
        scores.update(zip(places, scored, strict=True))
    answers = [encode_score(scores[place]) for place in range(len(claims))]
    metrics.SCORE_SECONDS.observe((time.perf_counter() - began) / len(claims))
    _count(list(scores.values()))
    for view, claims_of in readings.stale_counts().items():
        metrics.STALE_VIEWS.labels(view).inc(claims_of)
    for facts, oldest_us in zip(claims, readings.oldest_us(), strict=True):
        if oldest_us is not None:
            metrics.FEATURE_AGE_SECONDS.observe((clock.micros(facts.received_at) - oldest_us) / 1_000_000)
    return answers


def _assignments(
    models: LoadedModels, champion: Scorer, claims: Sequence[ClaimFacts]
) -> list[tuple[Scorer, Scorer | None, list[int]]]:
    """Deciding model, shadow model, and the indices of the claims they apply to."""
    challenger = models.challenger
    if challenger is None:
        return [(champion, None, list(range(len(claims))))]
    canary = [place for place, facts in enumerate(claims) if in_canary(facts.claim_id, models.canary_share)]
    others = [place for place in range(len(claims)) if place not in set(canary)]
    shares: list[tuple[Scorer, Scorer | None, list[int]]] = [
        (champion, challenger, others),
        (challenger, champion, canary),
    ]
    return [share for share in shares if share[2]]


def _count(scores: Sequence[Score]) -> None:
    scored = Counter((score.model_version, score.explained_by) for score in scores)
    for (version, explained_by), count in scored.items():
        metrics.SCORES.labels(version, explained_by).inc(count)
    for version, count in Counter(score.model_version for score in scores if score.flagged).items():
        metrics.FLAGGED.labels(version).inc(count)
