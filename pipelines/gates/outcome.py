"""What a gate found: every check with its outcome, and sample rows that show no personal data."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

Severity = Literal["critical", "warning"]


@dataclass(frozen=True, slots=True)
class Check:
    """One expectation on one column of a prepared frame. `warning` is reported, `critical` stops the run."""

    name: str
    column: str
    """The column it speaks of to the reader; empty: the batch as a whole."""
    expectation: str
    """The class in `great_expectations.expectations`."""
    arguments: dict[str, Any]
    why: str
    severity: Severity = "critical"
    needs: tuple[str, ...] = ()
    """Columns of the source without which the check is skipped."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One offending row: its identifier, and the shape of a text or the value of a number."""

    row: str
    value: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A check that did not hold."""

    check: str
    column: str
    expectation: str
    severity: Severity
    why: str
    count: int
    """Rows that break it; of the batch as a whole: 1."""
    observed: str
    samples: tuple[Sample, ...] = ()

    def sentence(self) -> str:
        """One line for a terminal."""
        where = f"{self.column}: " if self.column else ""
        shown = ", ".join(f"{sample.row} ({sample.value})" for sample in self.samples)
        rows = f"{self.count:,} rows" if self.samples else self.observed
        return f"{where}{self.expectation} [{self.check}]: {rows}{f', such as {shown}' if shown else ''} – {self.why}"


@dataclass(frozen=True, slots=True)
class GateResult:
    """The outcome of one gate on one batch."""

    gate: str
    rows: int
    passed: tuple[str, ...]
    skipped: tuple[str, ...]
    """Checks whose columns the source does not have."""
    findings: tuple[Finding, ...]
    report: Path
    seconds: float

    @property
    def success(self) -> bool:
        """Whether nothing critical was found."""
        return not self.critical()

    def critical(self) -> list[Finding]:
        """The findings that stop the run."""
        return [finding for finding in self.findings if finding.severity == "critical"]

    def as_json(self) -> dict[str, Any]:
        """For `--json`, and for the run's record in MLflow."""
        return asdict(self) | {"report": str(self.report), "success": self.success}
