"""Static files of the console, under addresses that change with their content."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

STATIC: Final = Path(__file__).parent / "static"
_FOREVER: Final = "public, max-age=31536000, immutable"


@cache
def version_of(name: str) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of a file; raises `FileNotFoundError`."""
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:16]


def asset(name: str) -> str:
    """The address of a static file with its version, which browsers store without asking again."""
    return f"/console/static/{name}?v={version_of(name)}"


class VersionedFiles(StaticFiles):
    """The static files; an address with the version of the file may be stored for a year."""

    def __init__(self) -> None:
        super().__init__(directory=STATIC)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, or the framework's error."""
        response = await super().get_response(path, scope)
        asked = parse_qs(scope["query_string"].decode("latin-1")).get("v")
        if response.status_code in (200, 304) and asked == [version_of(path)]:
            response.headers["Cache-Control"] = _FOREVER
        return response
