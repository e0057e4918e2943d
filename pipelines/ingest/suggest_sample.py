"""The rows of a claims file that a draft mapping is based on: the first ones, and more spread over the file."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from pipelines.ingest import suggest_names as names
from pipelines.ingest.mapping import Mapping
from pipelines.ingest.records import Record, SourceTable

_FIRST, _SPREAD, _EXAMINED = 1_000, 1_000, 200_000
"""The sample: the first rows, and between `_SPREAD` and twice as many of the rows after them, up to row `_EXAMINED`."""
LONGEST_NAME = 100
_LONGEST_VALUE = 200
"""Characters of a name or value that are examined: the patterns below may take quadratic time."""
FEW = 20
"""Different values of a category that need not repeat."""
_REPEATED = 0.5
"""Least share of the sample's rows whose value is that of another row, in a category of more than `FEW` values."""


@dataclass(frozen=True, slots=True)
class ColumnSample:
    """A column of the sampled rows: `rows` of them, `texts` of which have a value."""

    name: str
    texts: list[str]
    rows: int

    @property
    def plain(self) -> str:
        """The name in lower case with underscores."""
        return names.plain(self.name)

    @property
    def distinct(self) -> int:
        """Number of different texts."""
        return len(set(self.texts))

    @property
    def repeats(self) -> bool:
        """Whether values occur often enough to learn from each."""
        times = Counter(self.texts)
        return len(times) <= FEW or sum(n for n in times.values() if n > 1) >= _REPEATED * len(self.texts)


@dataclass(frozen=True, slots=True)
class FileSample:
    """The usable columns of the sampled rows."""

    columns: dict[str, ColumnSample]
    positions: dict[str, list[int]]
    """Column → the rows of its texts."""
    unusable: list[str]
    """Columns whose name is empty, repeated or too long."""

    def texts(self, column: str) -> list[str]:
        """The values of a column in the order of the rows; empty for an unusable column."""
        return self.columns[column].texts if column in self.columns else []


def _spread(records: Iterator[Record]) -> list[Record]:
    """Records from the beginning of the file, in sequence, and evenly spaced ones after them."""
    first, rest, step = list(islice(records, _FIRST)), [], 1
    for at, record in enumerate(islice(records, _EXAMINED - _FIRST)):
        if at % step == 0:
            rest.append(record)
            if len(rest) == 2 * _SPREAD:
                rest, step = rest[::2], 2 * step
    return first + rest


def sampled(table: SourceTable) -> FileSample:
    """The sample of a file."""
    times = Counter(table.header)
    usable = [name for name in table.header if 0 < len(name) <= LONGEST_NAME and times[name] == 1]
    rows = [record.values for record in _spread(table.records) if record.problem is None]
    missing = set(Mapping.model_fields["missing"].default)
    columns, positions = {}, {}
    available = set(usable)
    for place, name in enumerate(table.header):
        if name in available:
            texts = [(at, row[place].strip()[:_LONGEST_VALUE]) for at, row in enumerate(rows)]
            texts = [(at, text) for at, text in texts if text not in missing]
            columns[name] = ColumnSample(name, [text for _, text in texts], len(rows))
            positions[name] = [at for at, _ in texts]
    return FileSample(columns, positions, [name for name in dict.fromkeys(table.header) if name not in available])
