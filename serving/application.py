"""The ASGI application of a worker: BentoML's, without the layers that do nothing here."""

from typing import cast

from starlette.applications import Starlette
from starlette.middleware import Middleware

from serving.service import service

UNUSED_LAYERS = frozenset(("OpenTelemetryMiddleware", "TimeoutMiddleware"))
"""Tracing is off. BentoML's time limit makes a task of each request and keeps it for the length of the limit; work that
may take long has a limit of its own (`serving.service`), as the request's head and body have (`core.bounded_http`)."""


def application() -> Starlette:
    """The application. Its layers are those of `bentoml serve`, less the unused ones (docs/adr/0041)."""
    app = cast(Starlette, service.to_asgi())
    app.user_middleware = [layer for layer in app.user_middleware if _name(layer) not in UNUSED_LAYERS]
    return app


def _name(layer: Middleware) -> str:
    return getattr(layer.cls, "__name__", "")
