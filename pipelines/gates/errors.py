"""GateFailed: a batch failed a quality gate; commands exit with its `exit_code`."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelines.gates.outcome import GateResult


class GateFailed(RuntimeError):
    """A batch must not be used for training. `result` has every finding; the message names the critical ones."""

    exit_code = 3

    def __init__(self, result: "GateResult") -> None:
        self.result = result
        lines = [f"the {result.gate} gate refused {result.rows:,} rows; report: {result.report}"]
        lines += [f"  {finding.sentence()}" for finding in result.critical()]
        super().__init__("\n".join(lines))
