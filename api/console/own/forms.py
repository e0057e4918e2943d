"""The form of an appeal: what it states as the API takes it, and where an error is shown."""

import json
from collections.abc import Mapping
from typing import Final

from api.appeals import AppealIn
from api.errors import ApiError, FieldError
from api.requests import parse

DOCUMENT_ROWS: Final = 5
"""Documents that the form can name."""
MOST_FIELDS: Final = 3 * DOCUMENT_ROWS + 4
MAX_FORM_BYTES: Final = 32_768
_PARTS: Final[Mapping[str, str]] = {"name": "name", "kind": "media_type", "sha256": "sha256"}
"""Fields of a row, and those of a document."""


def appeal_of(entered: Mapping[str, str], appellant: str) -> tuple[AppealIn, bytes]:
    """The appeal that a form states, and the body of the same request to the API. Raises `Invalid`.

    The reason is one line: breaks become spaces.
    """
    body = json.dumps(
        {
            "appellant": appellant,
            "reason": " ".join(entered.get("reason", "").split()),
            "documents": [_document(entered, row) for row in _rows(entered)],
        }
    ).encode()
    return parse(AppealIn, body), body


def errors_by_field(refusal: ApiError, entered: Mapping[str, str]) -> dict[str, str]:
    """The errors of an appeal, by the names of the form's fields."""
    rows = _rows(entered)
    return {_shown_at(one, rows): one.message for one in refusal.errors}


def has_more_documents(entered: Mapping[str, str]) -> bool:
    """Whether anything is entered in a row after the first, which are folded."""
    return any(row > 1 for row in _rows(entered))


def _rows(entered: Mapping[str, str]) -> list[int]:
    """Rows of documents in which anything is entered."""
    return [row for row in range(1, DOCUMENT_ROWS + 1) if any(_document(entered, row).values())]


def _document(entered: Mapping[str, str], row: int) -> dict[str, str]:
    return {name: entered.get(f"{part}_{row}", "").strip() for part, name in _PARTS.items()}


def _shown_at(error: FieldError, rows: list[int]) -> str:
    """The field of the form for a place such as `documents[0].sha256`."""
    place, _, name = error.field.partition("].")
    listed, _, index = place.partition("[")
    part = next((own for own, declared in _PARTS.items() if declared == name), None)
    if listed != "documents" or part is None or not index.isdecimal():
        return listed
    return f"{part}_{rows[int(index)]}"
