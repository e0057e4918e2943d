"""Files that the console sends to be saved."""

from typing import Final

from starlette.responses import Response

CSV: Final = "text/csv; charset=utf-8"
TEXT: Final = "text/plain; charset=utf-8"


def saved_file(content: bytes | str, media_type: str, name: str) -> Response:
    """A file that the browser saves under a name and that nothing keeps."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, media_type=media_type, headers=headers)
