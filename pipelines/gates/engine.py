"""Run Great Expectations on a prepared frame. It is imported when a gate runs, because its import takes seconds."""

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from pipelines.gates.outcome import ColumnCheck, FailedCheck, SampleRow

_SAMPLES = 5


def validate(
    frame: pd.DataFrame, checks: Sequence[ColumnCheck], sample: Callable[[str, int], SampleRow]
) -> tuple[list[str], list[FailedCheck]]:
    """Run every check on the frame (index 0…n-1); returns the names of those that pass, and the findings.

    `sample(column, row)` shows a row without personal data. A check that cannot be computed, or that Great Expectations
    returns no result for, is a finding.
    """
    import great_expectations as gx
    from great_expectations import expectations
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("frame").add_dataframe_asset("batch")
    batch = asset.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": frame})
    # All at once and of no context: an expectation added to a stored suite stores the whole suite again.
    suite = gx.ExpectationSuite(
        "gate",
        expectations=[
            getattr(expectations, check.expectation)(
                **check.arguments, severity=check.severity, meta={"check": check.name}
            )
            for check in checks
        ],
    )
    form = {"result_format": "SUMMARY", "partial_unexpected_count": _SAMPLES, "return_unexpected_index_query": False}
    answer = batch.validate(suite, result_format=form)
    by_name = {check.name: check for check in checks}
    passed, findings = [], []
    for outcome in answer.results:
        configuration = outcome.expectation_config
        if configuration is None or configuration.meta is None:
            raise RuntimeError("Great Expectations returned an outcome without its expectation")
        check = by_name[configuration.meta["check"]]
        if outcome.success:
            passed.append(check.name)
        else:
            findings.append(_finding(check, outcome, sample))
    answered = {*passed, *(finding.check for finding in findings)}
    findings += [_unanswered(check) for name, check in by_name.items() if name not in answered]
    order = list(by_name)
    return sorted(passed, key=order.index), sorted(findings, key=lambda finding: order.index(finding.check))


def _unanswered(check: ColumnCheck) -> FailedCheck:
    return FailedCheck(
        check=check.name,
        column=check.column,
        expectation=_snake(check.expectation),
        severity=check.severity,
        why=check.why,
        count=1,
        observed="Great Expectations returned no result for the check",
    )


def _finding(check: ColumnCheck, outcome: Any, sample: Callable[[str, int], SampleRow]) -> FailedCheck:
    result: dict[str, Any] = outcome.result or {}
    rows = [row for row in result.get("partial_unexpected_index_list") or [] if isinstance(row, int)]
    if "observed_value" in result:
        observed = f"observed {_plain(result['observed_value'])}"
    elif result:
        share = result.get("unexpected_percent") or 0.0
        observed = f"{result.get('unexpected_count', 0):,} of {result.get('element_count', 0):,} rows ({share:.3g} %)"
    else:
        observed = "the check could not be computed"
    return FailedCheck(
        check=check.name,
        column=check.column,
        expectation=_snake(check.expectation),
        severity=check.severity,
        why=check.why,
        count=int(result.get("unexpected_count", 1)),
        observed=observed,
        samples=tuple(sample(check.column, row) for row in rows[:_SAMPLES]),
    )


def _plain(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _snake(name: str) -> str:
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in name).lstrip("_")
