"""A file as it is sent: to be saved under its name, and never shown as a page of ours."""

from urllib.parse import quote

from starlette.responses import StreamingResponse

from api.case_files.media_types import ending_of
from api.case_files.service import ReadCaseFile
from api.entity_tags import tag_of_digest


def file_response(read: ReadCaseFile) -> StreamingResponse:
    """The response with the content of a file. Its name is percent-encoded (RFC 8187), whatever is in it."""
    file = read.file
    own = f"{file.file_id}.{ending_of(file.media_type)}"
    headers = {
        "Content-Disposition": f"attachment; filename=\"{own}\"; filename*=UTF-8''{quote(file.name, safe='')}",
        "Content-Length": str(file.size),
        "Cache-Control": "no-store",
        "ETag": tag_of_digest(file.sha256),
        "X-Content-Type-Options": "nosniff",
    }
    return StreamingResponse(read.content, media_type=file.media_type, headers=headers)
