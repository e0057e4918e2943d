"""The reject file: the line of a row, the field, the pattern of its value, and the reason. Never the value itself."""

import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from core.spreadsheets import cell
from pipelines.ingest.errors import SourceError
from pipelines.ingest.reject_labels import LabelCount

_SHOWN = 40


def shape(value: str | None) -> str:
    """The pattern of a value: letters as `a` or `A`, digits as `9`, other characters unchanged.

    `"Jane Doe 42"` → `"Aaaa Aaa 99"`; a long one is truncated, with its length.
    """
    if value is None:
        return ""
    shown = "".join(_class(char) for char in value[:_SHOWN])
    return shown if len(value) <= _SHOWN else f"{shown}… ({len(value)} characters)"


def _class(char: str) -> str:
    if char.isdigit():
        return "9"
    if char.isalpha():
        return "A" if char.isupper() else "a"
    return char if char.isprintable() else "?"


class Rejects:
    """Writes rejects as CSV (`line, field, shape, reason`) and counts them by field and reason.

    A text that a spreadsheet would run as a formula, such as a claim number, begins with an apostrophe.

    The file is written beside `path`, which stays that of the former data set until `publish`.
    """

    HEADER: ClassVar[Sequence[str]] = ("line", "field", "shape", "reason")

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except FileNotFoundError as error:  # a folder in which nothing can be created, such as /proc
            raise SourceError(f"cannot create the folder {path.parent}: {error.strerror}; name another") from error
        self.path = path
        self.rows = 0
        self.reasons: Counter[str] = Counter()
        self.labels: dict[str, LabelCount] = {}
        """Reason → labels of its rows."""
        self._first: dict[str, str] = {}
        self._partial = path.with_name(f".{path.name}.partial")
        self._file = self._partial.open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._writer.writerow(self.HEADER)

    def add(self, line: int, field: str, value: str | None, reason: str, label: bool | None = None) -> None:
        """Write one rejected row; the line of a record is its first, `label` its label where that can be read."""
        self.rows += 1
        why = f"{field}: {reason}" if field else reason
        self.reasons[why] += 1
        if label is not None:
            self.labels[why] = self.labels.get(why, LabelCount()).plus(LabelCount(1, int(label)))
        self._first.setdefault(why, shape(value))
        self._writer.writerow([cell(one) for one in self._listed(line, field, shape(value), reason)])

    def _listed(self, line: int, field: str, shown: str, reason: str) -> Sequence[object]:
        """The values of a reject, as `HEADER` names them."""
        return [line, field, shown, reason]

    def worst(self) -> str:
        """The three most frequent reasons, each with its count and the pattern of the first value."""
        return ", ".join(
            f"{reason} ({count:,}" + (f", the first like {self._first[reason]})" if self._first[reason] else ")")
            for reason, count in self.reasons.most_common(3)
        )

    def publish(self) -> None:
        """Put the file in its place: its data set was written."""
        self._partial.replace(self.path)
        self.failed.unlink(missing_ok=True)

    def discard(self) -> None:
        """Remove the file: no data set was written, for another reason than its rows."""
        self._partial.unlink(missing_ok=True)

    def set_aside(self) -> Path:
        """Keep the file beside that of the former data set, and return its path: no data set was written."""
        return self._partial.replace(self.failed)

    @property
    def failed(self) -> Path:
        """Where the file of a failed ingestion is kept."""
        return self.path.with_name(f"{self.path.stem}.failed{self.path.suffix}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            self._file.close()
        finally:
            if error is not None:
                self.discard()
