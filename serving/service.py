"""The BentoML service of the scorer.

`ginja run scorer` runs it with its workers; `bentoml serve serving.service:ScoringService` runs it too. The contract is
in docs/reference/scoring-api.md; docs/adr/0041 lists the BentoML layers that are disabled, and why.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

import bentoml
from starlette.responses import Response

from claims.scoring import DETAILS_PATH, ExplanationDetails, Score
from claims.windows import WindowValue
from core.background import Background
from core.garbage import collect_regularly
from core.live_claims import LiveClaims
from core.logging import get_logger
from core.settings import secret_text, settings
from serving import metrics
from serving.access import AccessMiddleware
from serving.admission import LIVE, AdmissionMiddleware
from serving.direct import DirectMiddleware
from serving.engine import Engine
from serving.errors import Refusal, ScoringFailed, TookTooLong
from serving.model_report import ModelReportMiddleware, report_of
from serving.status import ScorerStatus, StatusMiddleware, TimeMiddleware
from serving.wire import BatchRequest, BatchScores, DetailsRequest, ScoreRequest, WireModel

TIMEOUT_SECONDS = 30.0
"""Longest work of a batch, beside live claims, or of an explanation. A single claim waits for the online store only, at
most `serving.online_store.READ_SECONDS`."""
MAX_CONCURRENCY = 64
"""Concurrent requests over all workers; above it 429."""

_Request = TypeVar("_Request", bound=WireModel)
_log = get_logger("serving")
_engine: Engine | None = None
_live = LiveClaims()


def _status() -> ScorerStatus:
    return ScorerStatus() if _engine is None else _engine.status()


def _windows() -> dict[str, WindowValue]:
    return {} if _engine is None else _engine.windows()


@bentoml.service(
    name="scorer",
    workers=settings().scorer_workers,
    traffic={"timeout": TIMEOUT_SECONDS, "max_concurrency": MAX_CONCURRENCY},
    logging={"access": {"enabled": False}},
    tracing={"excluded_urls": [".*"]},
    http={"host": settings().scorer_host, "port": settings().scorer_port},
)
class ScoringService:
    """Scores claims: probability of fraud, exact contributions, and reasons in words."""

    @bentoml.on_startup
    async def open(self) -> None:
        """Load, connect and warm up before the first request; then exclude permanent objects from collection."""
        global _engine
        _engine = await Engine.open(settings(), _live)
        self._background = Background("serving")
        _engine.watch(self._background)
        collect_regularly(self._background, _live)

    @bentoml.on_shutdown
    async def close(self) -> None:
        """Close the connections to the online store."""
        global _engine
        await self._background.close()
        if _engine is not None:
            await _engine.close()
            _engine = None

    @bentoml.api(route=LIVE)
    async def score(self, request: ScoreRequest, /) -> Score:
        """Score one claim."""
        return cast(Score, await _score(request))

    @bentoml.api(route="/v1/score_batch")
    async def score_batch(self, request: BatchRequest, /) -> BatchScores:
        """Score up to 500 claims."""
        answer = await _answer(
            request, lambda engine, it: limited(engine.score_batch(it.requests, it.deadline, it.store))
        )
        return cast(BatchScores, answer)

    @bentoml.api(route=DETAILS_PATH)
    async def explain(self, request: DetailsRequest, /) -> ExplanationDetails:
        """Explain a score further: the probability's interval, the strongest interaction, and honest peers."""
        answer = await _answer(
            request, lambda engine, it: limited(engine.explain(it.model_version, it.vector, it.specialty))
        )
        return cast(ExplanationDetails, answer)


async def _score(request: ScoreRequest | Refusal) -> Response:
    return await _answer(request, lambda engine, it: engine.score(it.claim, it.states, it.deadline, it.store))


async def _answer(request: _Request | Refusal, work: Callable[[Engine, _Request], Awaitable[bytes]]) -> Response:
    """Return the response bytes as they are: BentoML passes a `Response` on instead of validating a model again."""
    try:
        if isinstance(request, Refusal):
            raise request
        if _engine is None:
            raise ScoringFailed("the service is shutting down")
        return Response(await work(_engine, request), media_type="application/json")
    except Refusal as refusal:
        metrics.REFUSALS.labels(refusal.kind).inc()
        return refusal.response()
    except Exception as error:  # any other error becomes a problem response, and no value reaches the log
        _log.error("score failed", error=type(error).__name__, where=_where(error))
        metrics.REFUSALS.labels(ScoringFailed.kind).inc()
        return ScoringFailed("internal error of the scorer; see its log").response()


async def limited(work: Awaitable[bytes]) -> bytes:
    """The result of work that may take long. Raises `TookTooLong` after `TIMEOUT_SECONDS`."""
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            return await work
    except TimeoutError:
        raise TookTooLong(f"it took longer than {TIMEOUT_SECONDS:.0f} s; send fewer claims at once") from None


def _where(error: BaseException) -> str:
    """File, line and function of the innermost frames, without values."""
    frames, trace = [], error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.append(f"{code.co_filename.rsplit('/', 2)[-1]}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return " > ".join(frames[-4:])


service = cast("bentoml.Service[Any]", ScoringService)
service.add_asgi_middleware(TimeMiddleware)
service.add_asgi_middleware(AccessMiddleware, token=secret_text(settings().scorer_token))
service.add_asgi_middleware(StatusMiddleware, status=_status, windows=_windows)
service.add_asgi_middleware(ModelReportMiddleware, report=lambda: report_of(settings().home.resolve()))
service.add_asgi_middleware(AdmissionMiddleware, live=_live)
service.add_asgi_middleware(DirectMiddleware, path=LIVE, request_type=ScoreRequest, answer=_score)
