"""The result of a gate: every check with its outcome, and sample rows without personal data."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path


class Severity(StrEnum):
    """What a failed check does: a critical one stops the run, a warning is reported."""

    CRITICAL = "critical"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class ColumnCheck:
    """One expectation on one column of a prepared frame."""

    name: str
    column: str
    """The column named in reports; empty: the batch as a whole."""
    expectation: str
    """The class in `great_expectations.expectations`."""
    arguments: Mapping[str, object]
    why: str
    severity: Severity = Severity.CRITICAL
    needs: tuple[str, ...] = ()
    """Columns that the source must have; without them the check is skipped."""


@dataclass(frozen=True, slots=True)
class SampleRow:
    """One offending row: its identifier, and the shape of a text or the value of a number."""

    row: str
    value: str


@dataclass(frozen=True, slots=True)
class FailedCheck:
    """A check that failed."""

    check: str
    column: str
    expectation: str
    severity: Severity
    why: str
    count: int
    """Rows that violate it; 1 for the batch as a whole."""
    observed: str
    samples: tuple[SampleRow, ...] = ()

    def sentence(self) -> str:
        """One line for a terminal."""
        where = f"{self.column}: " if self.column else ""
        shown = ", ".join(f"{sample.row} ({sample.value})" for sample in self.samples)
        rows = f"{self.count:,} rows" if self.samples else self.observed
        return f"{where}{self.expectation} [{self.check}]: {rows}{f', such as {shown}' if shown else ''} – {self.why}"


@dataclass(frozen=True, slots=True)
class SkippedCheck:
    """A check that is not applicable, and why."""

    check: str
    reason: str


@dataclass(frozen=True, slots=True)
class GateResult:
    """The result of one gate on one batch."""

    gate: str
    rows: int
    passed: tuple[str, ...]
    skipped: tuple[SkippedCheck, ...]
    findings: tuple[FailedCheck, ...]
    report: Path
    seconds: float

    @property
    def success(self) -> bool:
        """Whether there is no critical finding."""
        return not self.critical()

    def critical(self) -> list[FailedCheck]:
        """The findings that stop the run."""
        return [finding for finding in self.findings if finding.severity is not Severity.WARNING]

    def as_json(self) -> dict[str, object]:
        """The JSON form."""
        return asdict(self) | {"report": str(self.report), "success": self.success}
