"""The claims API, put together."""

import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI

from api import openapi, problems
from api.console.routes import console_app
from api.console.service import Console
from api.dependencies import Dependencies
from api.docs import routes as docs_routes
from api.health import routes as health_routes
from api.intake import routes as intake_routes
from api.investigations import routes as investigation_routes
from api.middleware import HeadLimit, Observed
from api.reviews import routes as review_routes
from api.scoring import routes as scoring_routes
from core.settings import Settings
from core.version import __version__

_ABOUT = "Takes health-insurance claims, decides them, and says which are likely fraud and why."


def create_app(settings: Settings, database_url: str) -> FastAPI:
    """The application over a database that is at the newest schema."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        created = Dependencies.create(settings, database_url)
        app.state.dependencies = created
        console.state.console = Console(created.database, created.authenticator, created.reviews)
        _calm_garbage_collector()
        try:
            yield
        finally:
            await created.close()

    app = FastAPI(
        title="Ginja claims",
        version=__version__,
        description=_ABOUT,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
    )
    console = console_app()
    problems.install(app)
    for routes in (intake_routes, scoring_routes, investigation_routes, review_routes, health_routes):
        app.include_router(routes.router)
    docs_routes.install(app)
    app.mount("/console", console)
    app.add_middleware(HeadLimit)
    app.add_middleware(Observed)
    describing: Callable[[], dict[str, object]] = lambda: openapi.describe(app)  # noqa: E731
    app.openapi = describing  # type: ignore[method-assign]
    return app


def _calm_garbage_collector() -> None:
    """What is there after the start stays; without this a full collection stalls answers by tens of milliseconds."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
