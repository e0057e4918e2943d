"""The decided claims of files: X12 835, FHIR resources and Bundles in JSON, or a resource a line (NDJSON)."""

import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from formats.fhir import EXPLANATION, read_explanation
from formats.history import HistoryProblem, HistoryRecord
from formats.strict_json import MalformedJson, RefusedJson
from formats.strict_json import read as read_json
from formats.x12 import EnvelopeReader, InvalidX12, read_remitted_claims, read_segments
from pipelines.ingest.errors import SourceError
from pipelines.ingest.records.archives import open_bytes

MAX_RESOURCE: Final = 16 << 20
"""Bytes of a resource in a line."""
MAX_DOCUMENT: Final = 256 << 20
"""Bytes of a JSON file, which is read as a whole."""
_CHUNK: Final = 1 << 20
_START: Final = 4_096
_DEPTH: Final = 24
_OF_BUNDLE: Final = 3
_LINES: Final = frozenset((".ndjson", ".jsonl"))
_COMPRESSED: Final = frozenset((".gz", ".zip"))
_SHOWN: Final = 10


@dataclass(slots=True)
class HistoryFiles:
    """Iterate `records` over the files once; afterwards it has what was left out."""

    paths: list[Path]
    skipped: Counter[str] = field(default_factory=Counter)
    """Type of resource → resources that are no explanations."""
    notes: list[str] = field(default_factory=list)

    def records(self) -> Iterator[tuple[int, HistoryRecord]]:
        """Each claim or refusal, with the index of its file. A file that cannot be read is one refusal."""
        for at, path in enumerate(self.paths):
            try:
                stream, _ = open_bytes(path)
                with stream:
                    for record in self._of_file(path, stream):
                        yield at, record
            except (SourceError, OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
                reason = f"the file is damaged or cannot be read: {error}"
                yield at, HistoryProblem("", "file", "unreadable_file", reason, "fetch it again")

    def _of_file(self, path: Path, stream: IO[bytes]) -> Iterator[HistoryRecord]:
        start = stream.read(_START)
        text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
        if text.startswith(b"ISA"):
            yield from self._remittances(path, _chunks(start, stream))
        elif text.startswith(b"{"):
            names = [suffix for suffix in path.suffixes if suffix.lower() not in _COMPRESSED]
            if names and names[-1].lower() in _LINES:
                yield from self._lines(_joined(start, stream))
            else:
                yield from self._document(start, stream)
        else:
            reason = "the file is neither X12 (ISA) nor JSON (an object)"
            yield HistoryProblem("", "file", "unknown_format", reason, "export 835, or ExplanationOfBenefit as JSON")

    def _remittances(self, path: Path, chunks: Iterable[bytes]) -> Iterator[HistoryRecord]:
        reader = EnvelopeReader(read_segments(chunks))
        try:
            for message in reader:
                yield from read_remitted_claims(message)
        except InvalidX12 as error:
            yield HistoryProblem("", "ISA", "not_x12", str(error), "fetch the interchange from ISA to IEA")
        for problem in reader.problems[: max(0, _SHOWN - len(self.notes))]:
            self.notes.append(f"{path.name}: {problem.where}: {problem.reason}")

    def _lines(self, lines: Iterable[bytes]) -> Iterator[HistoryRecord]:
        for number, line in enumerate(lines, start=1):
            where = f"line {number}"
            if len(line) > MAX_RESOURCE:
                reason = f"the line has more than {MAX_RESOURCE:,} bytes"
                yield HistoryProblem("", where, "too_long", reason, "export one resource a line")
            elif line.strip():
                resource = _resource(line, where, _DEPTH)
                yield from [resource] if isinstance(resource, HistoryProblem) else self._known(resource, where)

    def _document(self, start: bytes, stream: IO[bytes]) -> Iterator[HistoryRecord]:
        text = b"".join(_chunks(start, stream, most=MAX_DOCUMENT))
        if len(text) > MAX_DOCUMENT:
            reason = f"a JSON document of more than {MAX_DOCUMENT:,} bytes is not read"
            yield HistoryProblem("", "file", "too_long", reason, "export NDJSON: one resource a line")
            return
        document = _resource(text, "file", _DEPTH + _OF_BUNDLE)
        if isinstance(document, HistoryProblem):
            yield document
            return
        if document.get("resourceType") != "Bundle":
            yield from self._known(document, "", alone=True)
            return
        entries = document.get("entry")
        for number, entry in enumerate(entries if isinstance(entries, list) else ()):
            where = f"Bundle.entry[{number}].resource"
            resource = entry.get("resource") if isinstance(entry, dict) else None
            if isinstance(resource, dict):
                yield from self._known(resource, where)
            else:
                reason = "the entry has no resource"
                yield HistoryProblem("", where, "missing_element", reason, "export resources, not references to them")

    def _known(self, resource: Mapping[str, object], where: str, *, alone: bool = False) -> Iterator[HistoryRecord]:
        kind = resource.get("resourceType")
        if kind == EXPLANATION:
            yield read_explanation(resource, where)
        elif alone or not isinstance(kind, str):
            reason = f"the resource is not an {EXPLANATION}, so it states no decision"
            remedy = "leave it out; `ginja data ingest fhir` submits a Claim"
            yield HistoryProblem("", f"{where}.resourceType".lstrip("."), "unsupported_type", reason, remedy)
        else:
            self.skipped[kind[:64]] += 1


def _resource(text: bytes, where: str, depth: int) -> Mapping[str, object] | HistoryProblem:
    try:
        document = read_json(text.removeprefix(b"\xef\xbb\xbf"), max_depth=depth)
    except MalformedJson as error:
        return HistoryProblem("", where, "malformed_json", str(error), "export it as JSON in UTF-8")
    except RefusedJson as error:
        first = error.faults[0]
        return HistoryProblem("", f"{where}: {first.path}", "invalid_json", first.message, "correct the value")
    if isinstance(document, dict):
        return document
    reason = "the JSON is a list or a single value, not a resource"
    return HistoryProblem("", where, "malformed_json", reason, "export an object with resourceType")


def _chunks(start: bytes, stream: IO[bytes], *, most: int | None = None) -> Iterator[bytes]:
    """The start and what follows it, up to a chunk more than `most` bytes."""
    done = len(start)
    yield start
    while (most is None or done <= most) and (chunk := stream.read(_CHUNK)):
        done += len(chunk)
        yield chunk


def _joined(start: bytes, stream: IO[bytes]) -> Iterator[bytes]:
    """Lines; one over `MAX_RESOURCE` is truncated to a byte more than that."""
    kept, too_long = b"", False
    for chunk in _chunks(start, stream):
        *ended, rest = chunk.split(b"\n")
        for piece in ended:
            yield kept if too_long else (kept + piece)[: MAX_RESOURCE + 1]
            kept, too_long = b"", False
        if not too_long:
            kept = (kept + rest)[: MAX_RESOURCE + 1]
            too_long = len(kept) > MAX_RESOURCE
    if kept:
        yield kept
