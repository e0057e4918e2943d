"""Files of each type that a case takes, and requests that add them."""

import struct
import zlib
from typing import Any

from httpx import Response

from tests.api.makers import Api

CSV = b"claim,paid\nclm_1,144.00\n"


def pdf(text: bytes = b"ledger") -> bytes:
    return b"%PDF-1.7\n1 0 obj\n<< /Note (" + text + b") >>\nendobj\ntrailer << /Root 1 0 R >>\nstartxref\n9\n%%EOF\n"


def png_part(kind: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png() -> bytes:
    header = png_part(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + png_part(b"IDAT", zlib.compress(b"\0\0")) + png_part(b"IEND")


def jpeg(data: bytes = b"\x12\xff\x00\x34\xff\xd0\x56") -> bytes:
    segment = b"\xff\xe0" + struct.pack(">H", 7) + b"JFIF\0"
    return b"\xff\xd8" + segment + b"\xff\xda" + struct.pack(">H", 2) + data + b"\xff\xd9"


def tiff(order: str = "<") -> bytes:
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return mark + struct.pack(order + "IH", 8, 1) + struct.pack(order + "HHII", 256, 3, 1, 1) + bytes(4)


SAMPLES = {
    "ledger.pdf": (pdf(), "application/pdf"),
    "scan.PNG": (png(), "image/png"),
    "photo.jpeg": (jpeg(), "image/jpeg"),
    "fax.tif": (tiff(), "image/tiff"),
    "fax.tiff": (tiff(">"), "image/tiff"),
    "notes.txt": ("Überweisung\r\n".encode(), "text/plain"),
    "paid.csv": (CSV, "text/csv"),
}
FIELDS = {"obtained_from": "Example Clinic, records office", "obtained_on": "2026-03-02"}


async def send(
    api: Api, case_id: str, content: bytes = CSV, name: str = "paid.csv", *, role: str = "investigator", **changes: Any
) -> Response:
    """The answer to a file that is added."""
    return await api.client.post(
        f"/v1/cases/{case_id}/files",
        data=FIELDS | changes,
        files={"file": (name, content)},
        headers=api.as_(role),
    )


async def added(api: Api, case_id: str, content: bytes = CSV, name: str = "paid.csv", **changes: Any) -> dict[str, Any]:
    """A file that was added."""
    answer = await send(api, case_id, content, name, **changes)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def content(api: Api, made: dict[str, Any], role: str = "investigator") -> Response:
    """The answer to a request for the content of a file."""
    return await api.get(f"/v1/cases/{made['case_id']}/files/{made['file_id']}/content", role=role)
