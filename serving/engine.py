"""Score requests: take the current models, read the features, score and explain, return JSON bytes."""

import asyncio
import time
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
from features.vector import Reading
from models.canary import in_canary
from models.details import explanation_details
from models.errors import SchemaMismatchError
from models.scorer import ClaimToScore, Scorer
from serving import metrics
from serving.errors import InvalidScoreRequest, ModelNotLoaded, NoModelLoaded
from serving.live import LoadedModels, ModelWatcher
from serving.online_store import OnlineStoreClient
from serving.status import ScorerStatus
from serving.warm import warm
from serving.wire import BatchItem

POLL_SECONDS = 1.0
"""Interval between two looks at the pointers and at the online store."""
SLICE = 16
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
        return _score_one(models, champion, ClaimToScore(claim, reading))

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
            items, readings = requests[start:end], sent[start:end]
            start = end
            unread = [item.claim for item, reading in zip(items, readings, strict=True) if reading is None]
            found = iter(await self._store.read_batch(unread, deadline, store) if unread else ())
            claims = [
                ClaimToScore(item.claim, reading or next(found)) for item, reading in zip(items, readings, strict=True)
            ]
            answers += _score_many(models, champion, claims)
        return b'{"scores":[' + b",".join(answers) + b"]}"

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
        if details is None:
            raise ModelNotLoaded("the model has no contribution tables")
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


def _score_one(models: LoadedModels, champion: Scorer, one: ClaimToScore) -> bytes:
    """The score of one claim as JSON, by the model that decides it, with the shadow score of the other."""
    began = time.perf_counter()
    ((decides, other, _),) = _assignments(models, champion, [one])
    try:
        score = decides.score(one.facts, one.reading, challenger=other)
    except AttributeTypeError as error:
        raise _refused(error) from error
    answer = score.model_dump_json().encode()
    metrics.SCORE_SECONDS.observe(time.perf_counter() - began)
    _count(score, one)
    return answer


def _score_many(models: LoadedModels, champion: Scorer, claims: Sequence[ClaimToScore]) -> list[bytes]:
    """The scores of several claims as JSON, in order, without counterfactuals.

    They are explained together, one tree at a time, so that each tree is read from memory once.
    """
    began = time.perf_counter()
    scores: dict[int, Score] = {}
    for decides, other, places in _assignments(models, champion, claims):
        try:
            scored = decides.score_many([claims[place] for place in places], challenger=other)
        except AttributeTypeError as error:
            raise _refused(error) from error
        scores.update(zip(places, scored, strict=True))
    answers = [scores[place].model_dump_json().encode() for place in range(len(claims))]
    metrics.SCORE_SECONDS.observe((time.perf_counter() - began) / len(claims))
    for place, one in enumerate(claims):
        _count(scores[place], one)
    return answers


def _assignments(
    models: LoadedModels, champion: Scorer, claims: Sequence[ClaimToScore]
) -> list[tuple[Scorer, Scorer | None, list[int]]]:
    """Deciding model, shadow model, and the indices of the claims they apply to."""
    challenger = models.challenger
    if challenger is None:
        return [(champion, None, list(range(len(claims))))]
    canary = [place for place, one in enumerate(claims) if in_canary(one.facts.claim_id, models.canary_share)]
    others = [place for place in range(len(claims)) if place not in set(canary)]
    shares: list[tuple[Scorer, Scorer | None, list[int]]] = [
        (champion, challenger, others),
        (challenger, champion, canary),
    ]
    return [share for share in shares if share[2]]


def _count(score: Score, one: ClaimToScore) -> None:
    metrics.SCORES.labels(score.model_version, score.explained_by).inc()
    if score.flagged:
        metrics.FLAGGED.labels(score.model_version).inc()
    for view in one.reading.stale:
        metrics.STALE_VIEWS.labels(view).inc()
    times = [us for us in one.reading.times_us.values() if us is not None]
    if times:
        metrics.FEATURE_AGE_SECONDS.observe((clock.micros(one.facts.received_at) - min(times)) / 1_000_000)
