"""The reject file of a history: file, claim, place, code, reason and remedy of each refusal."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from formats.history import HistoryProblem
from pipelines.ingest.history.spool import HistorySpool
from pipelines.ingest.rejects import Rejects

_REPEATED = "a claim that was already read"
_UNMATCHED = "voids a claim that is not in the file"
_CODES = {_REPEATED: "repeated_claim", _UNMATCHED: "unmatched_reversal"}
_REMEDIES = {
    "repeated_claim": "leave out the file that repeats it",
    "unmatched_reversal": "add the file with the claim that it takes back",
}
_REMEDY = "ask the sender for the value, or leave the claim out"


class HistoryRejects(Rejects):
    """Rejects of claims, each with the place where it was read."""

    HEADER: ClassVar[Sequence[str]] = ("file", "claim", "where", "field", "shape", "code", "reason", "remedy")

    def __init__(self, path: Path, spool: HistorySpool, files: Sequence[str]) -> None:
        super().__init__(path)
        self._spool = spool
        self._files = files
        self.refused_rows: set[int] = set()

    def add(self, line: int, field: str, value: str | None, reason: str, label: bool | None = None) -> None:
        """As of any claims file; a hint about its mapping is left out, because this one is fixed."""
        super().add(line, field, value, _REPEATED if reason.startswith(_REPEATED) else reason, label)

    def _listed(self, line: int, field: str, shown: str, reason: str) -> Sequence[object]:
        self.refused_rows.add(line)
        place = self._spool.places[line - 1]
        problem = self._spool.problems.get(line) or _of_row(field, reason)
        file = self._files[place.file]
        return [file, place.claim_number, place.where, field, shown, problem.code, reason, problem.remedy]


def _of_row(field: str, reason: str) -> HistoryProblem:
    """The code and remedy of a claim that was read, and is not one of the frame."""
    code = _CODES.get(reason) or f"invalid_{field}"
    return HistoryProblem("", "", code, reason, _REMEDIES.get(code, _REMEDY))
