"""Claims in files: a `Claim`, a `Bundle` of claims, or one claim a line (NDJSON)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from api import strict_json
from api.errors import ApiError, Invalid
from api.fhir.service import MAX_DEPTH

LINES: Final = frozenset({".ndjson", ".jsonl"})
_OF_BUNDLE: Final = 3
"""Levels of a Bundle around its resources."""


@dataclass(frozen=True, slots=True)
class FileClaim:
    """A resource of a file, or why it cannot be read."""

    where: str
    """Line, or FHIRPath in a Bundle; empty for a file with one claim."""
    document: Mapping[str, object] | None
    error: ApiError | None = None


def read_file(path: Path) -> Iterator[FileClaim]:
    """The claims of a file, in order; a line that cannot be read costs itself only."""
    if path.suffix.lower() in LINES:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield _read(f"line {number}", line)
        return
    whole = _read("", path.read_bytes(), more_levels=_OF_BUNDLE)
    if whole.document is None or whole.document.get("resourceType") != "Bundle":
        yield whole
        return
    entries = whole.document.get("entry")
    for number, entry in enumerate(entries if isinstance(entries, list) else ()):
        where = f"Bundle.entry[{number}].resource"
        resource = entry.get("resource") if isinstance(entry, dict) else None
        yield FileClaim(where, resource) if isinstance(resource, dict) else _no_resource(where)


def _read(where: str, text: bytes, *, more_levels: int = 0) -> FileClaim:
    try:
        document = strict_json.read(text, max_depth=MAX_DEPTH + more_levels)
    except ApiError as error:
        return FileClaim(where, None, error)
    return FileClaim(where, document) if isinstance(document, dict) else _no_resource(where)


def _no_resource(where: str) -> FileClaim:
    return FileClaim(where, None, Invalid.field("resource", "must be an object with resourceType; send a Claim"))
