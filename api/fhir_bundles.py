"""Bundles that answer searches of FHIR R4 (https://hl7.org/fhir/R4/bundle.html)."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlencode

from pydantic import JsonValue

from api.errors import Invalid
from api.paging import PageCursor, read_cursor
from core.openapi_document import JsonSchema

FHIR: Final = "application/fhir+json"
CURSOR: Final = "_cursor"
"""The parameter of the `next` link."""
MAX_COUNT: Final = 200
"""Most resources on a page."""


def resource_schema(kind: str) -> JsonSchema:
    """A resource of R4 in the description of the API."""
    return {
        "type": "object",
        "title": kind,
        "required": ["resourceType"],
        "properties": {"resourceType": {"type": "string", "const": kind}},
    }


BUNDLE_SCHEMA: Final = resource_schema("Bundle")


def searchset(
    resources: Sequence[JsonValue], path: str, sent: Sequence[tuple[str, str]], next_cursor: str | None
) -> dict[str, JsonValue]:
    """A searchset with the addresses of this page and the next one; `sent` are the parameters of the request."""
    links: list[JsonValue] = [{"relation": "self", "url": _address(path, sent)}]
    if next_cursor is not None:
        others = [(name, value) for name, value in sent if name != CURSOR]
        links.append({"relation": "next", "url": _address(path, [*others, (CURSOR, next_cursor)])})
    entries: list[JsonValue] = [{"resource": one, "search": {"mode": "match"}} for one in resources]
    made: dict[str, JsonValue] = {"resourceType": "Bundle", "type": "searchset", "link": links}
    return made | ({"entry": entries} if entries else {})


def read_fhir_cursor(cursor: str | None) -> PageCursor | None:
    """The place that the `next` link of a page names; raises `Invalid`."""
    try:
        return None if cursor is None else read_cursor(cursor)
    except Invalid:
        raise Invalid.field(CURSOR, "is not a valid cursor; follow the `next` link of the previous page") from None


def _address(path: str, sent: Sequence[tuple[str, str]]) -> str:
    return f"{path}?{urlencode(sent)}" if sent else path
