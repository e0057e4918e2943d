"""The documentation page: Swagger UI, served from this package; nothing is loaded from other hosts."""

from pathlib import Path

from fastapi import APIRouter, FastAPI
from starlette.responses import HTMLResponse, RedirectResponse
from starlette.staticfiles import StaticFiles

from api.errors import PROBLEM_PAGE
from api.problem_page import problem_page

_STATIC = Path(__file__).parent / "static"

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Ginja: claims API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="/console/static/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/docs/static/swagger-ui.css"></head>
<body><div id="swagger-ui"></div>
<script src="/docs/static/swagger-ui-bundle.js"></script><script src="/docs/static/start.js"></script></body></html>
"""
_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)

_HEADERS = {"Content-Security-Policy": _POLICY, "Cross-Origin-Opener-Policy": "same-origin"}

router = APIRouter(include_in_schema=False)


@router.get("/docs")
async def docs() -> HTMLResponse:
    """The documentation page."""
    return HTMLResponse(_PAGE, headers=_HEADERS)


@router.get(PROBLEM_PAGE)
async def problems() -> HTMLResponse:
    """What each problem means; their types lead here."""
    return HTMLResponse(problem_page(), headers=_HEADERS)


@router.get("/")
async def root() -> RedirectResponse:
    """Redirect the root to the documentation."""
    return RedirectResponse("/docs")


def install(app: FastAPI) -> None:
    """Add the page and its files to `app`."""
    app.include_router(router)
    app.mount("/docs/static", StaticFiles(directory=_STATIC))
