"""The quality gate on a training set: features inside their declared bounds, usable labels, an unchanged population.

Great Expectations reads a frame with one row per feature (how many values are missing, too low, too high, infinite; how
far from the last training set), so a million rows of sixty features are checked in a second or two.
"""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.declare import Feature
from features.vector import ModelSchema
from pipelines.gates.engine import validate
from pipelines.gates.errors import GateFailed
from pipelines.gates.names import TRAINING_SET
from pipelines.gates.outcome import ColumnCheck, FailedCheck, GateResult, SampleRow, Severity, SkippedCheck
from pipelines.gates.profile import TrainingProfile, stability
from pipelines.gates.report import write_report

MAX_STABILITY_INDEX = 0.25
LEAST_ROWS, LEAST_OF_EACH_CLASS = 500, 20
_TOLERANCE = 1e-3
"""float32 rounds at a bound: a value this far outside, relative to the bound, is still accepted."""

FEATURE_CHECKS: tuple[ColumnCheck, ...] = (
    ColumnCheck(
        "feature_finite",
        "infinite",
        "ExpectColumnValuesToBeBetween",
        {"column": "infinite", "max_value": 0},
        "an infinite value: a division by zero that should be a missing value",
    ),
    ColumnCheck(
        "feature_not_below",
        "below",
        "ExpectColumnValuesToBeBetween",
        {"column": "below", "max_value": 0},
        "below the minimum of the feature",
    ),
    ColumnCheck(
        "feature_not_above",
        "above",
        "ExpectColumnValuesToBeBetween",
        {"column": "above", "max_value": 0},
        "above the maximum of the feature",
    ),
    ColumnCheck(
        "feature_filled",
        "lacking",
        "ExpectColumnValuesToBeBetween",
        {"column": "lacking", "max_value": 0.0},
        "missing more often than declared: a view that was not built, or too late",
    ),
    ColumnCheck(
        "feature_known_at_all",
        "missing_share",
        "ExpectColumnValuesToBeBetween",
        {"column": "missing_share", "max_value": 0.9999},
        "always missing: leave it out of the model",
        Severity.WARNING,
    ),
    ColumnCheck(
        "feature_varies",
        "constant",
        "ExpectColumnValuesToBeBetween",
        {"column": "constant", "max_value": 0},
        "the same value in every row: nothing can be learned from it",
        Severity.WARNING,
    ),
    ColumnCheck(
        "feature_stable",
        "drift",
        "ExpectColumnValuesToBeBetween",
        {"column": "drift", "max_value": MAX_STABILITY_INDEX},
        "a different population than the last training set (population stability index)",
        Severity.WARNING,
    ),
)
"""Over the frame with one row per feature."""

BATCH_CHECKS: tuple[ColumnCheck, ...] = (
    ColumnCheck(
        "enough_rows", "", "ExpectTableRowCountToBeBetween", {"min_value": LEAST_ROWS}, "too few claims to learn from"
    ),
    ColumnCheck(
        "label_known",
        "is_fraud",
        "ExpectColumnValuesToNotBeNull",
        {"column": "is_fraud"},
        "a claim without a label cannot be used",
    ),
    ColumnCheck(
        "label_binary",
        "is_fraud",
        "ExpectColumnValuesToBeInSet",
        {"column": "is_fraud", "value_set": [0.0, 1.0]},
        "a label must be fraud or not fraud",
    ),
    ColumnCheck(
        "enough_fraud",
        "is_fraud",
        "ExpectColumnSumToBeBetween",
        {"column": "is_fraud", "min_value": LEAST_OF_EACH_CLASS},
        "too few fraudulent claims to learn from",
    ),
    ColumnCheck(
        "enough_clean",
        "is_clean",
        "ExpectColumnSumToBeBetween",
        {"column": "is_clean", "min_value": LEAST_OF_EACH_CLASS},
        "too few clean claims to learn from",
    ),
    ColumnCheck(
        "claim_once",
        "claim_id",
        "ExpectColumnValuesToBeUnique",
        {"column": "claim_id"},
        "a repeated claim counts twice, and may be on both sides of a split",
    ),
)
"""Over the rows of the training set."""


def _measure(column: NDArray[np.float32], feature: Feature, before: TrainingProfile | None) -> dict[str, float]:
    missing = int(np.isnan(column).sum())
    infinite = int(np.isinf(column).sum())
    low, high = _bounds(feature)
    share = missing / max(len(column), 1)
    finite = column[np.isfinite(column)]
    known = before.features.get(feature.name) if before else None
    return {
        "missing_share": share,
        "lacking": max(share - feature.null_share, 0.0),
        "infinite": infinite,
        "below": int((finite < low).sum()),
        "above": int((finite > high).sum()),
        "constant": float(len(finite) > 0 and missing == 0 and finite.min() == finite.max()),
        "drift": stability(column, known) if known else float("nan"),
    }


def _bounds(feature: Feature) -> tuple[float, float]:
    low = -np.inf if feature.low is None else feature.low - _TOLERANCE * abs(feature.low)
    high = np.inf if feature.high is None else feature.high + _TOLERANCE * abs(feature.high)
    return float(low), float(high)


def check_training_set(
    matrix: NDArray[np.float32],
    schema: ModelSchema,
    is_fraud: Sequence[bool | None] | NDArray[np.generic],
    claim_ids: Sequence[str] | NDArray[np.generic],
    report: Path,
    *,
    before: TrainingProfile | None = None,
) -> GateResult:
    """Check a training set: `matrix` (claims, features) in a schema, labels and ids of the same claims.

    `before` is the profile of the last training set, if there is one; without it the comparison is skipped, and the
    result says so. Writes the report and raises `GateFailed` on a critical finding.
    """
    started = time.perf_counter()
    features, names = list(schema.features), schema.names
    rows = [_measure(matrix[:, place], feature, before) for place, feature in enumerate(features)]
    frame = pd.DataFrame(rows, index=range(len(rows)))
    skipped = _not_compared(names, before)
    checks = [check for check in FEATURE_CHECKS if before is not None or check.name != "feature_stable"]
    passed, found = validate(frame, checks, lambda column, row: SampleRow(names[row], f"{frame[column][row]:g}"))
    findings = [entry for finding in found for entry in _per_feature(finding, frame, features, matrix, claim_ids)]
    truth = pd.Series(list(is_fraud), dtype="object").astype(float)
    batch = pd.DataFrame(
        {"is_fraud": truth, "is_clean": 1.0 - truth, "claim_id": pd.factorize(np.asarray(claim_ids))[0]}
    )
    good, bad = validate(
        batch,
        BATCH_CHECKS,
        lambda column, row: SampleRow(str(claim_ids[row]), "" if column == "claim_id" else str(truth[row])),
    )
    result = GateResult(
        gate=TRAINING_SET,
        rows=len(matrix),
        passed=tuple(passed + good),
        skipped=skipped,
        findings=(*findings, *bad),
        report=report,
        seconds=round(time.perf_counter() - started, 2),
    )
    write_report(result, {check.name: check for check in (*FEATURE_CHECKS, *BATCH_CHECKS)})
    if not result.success:
        raise GateFailed(result)
    return result


def _not_compared(names: Sequence[str], before: TrainingProfile | None) -> tuple[SkippedCheck, ...]:
    """Features that are not compared with the last training set, and why."""
    if before is None:
        return (SkippedCheck("feature_stable", "there is no earlier training set of this data set"),)
    new = [name for name in names if name not in before.features]
    return (SkippedCheck("feature_stable", f"not in the last training set: {', '.join(new)}"),) if new else ()


def _per_feature(
    finding: FailedCheck,
    frame: pd.DataFrame,
    features: list[Feature],
    matrix: NDArray[np.float32],
    claim_ids: Sequence[str] | NDArray[np.generic],
) -> list[FailedCheck]:
    """One finding for each feature that violates a check, with the claims that do."""
    limit = next(check for check in FEATURE_CHECKS if check.name == finding.check).arguments["max_value"]
    entries = []
    for place in np.flatnonzero(frame[finding.column].to_numpy() > limit):
        feature, column = features[place], matrix[:, place]
        low, high = _bounds(feature)
        wrong = {
            "infinite": np.isinf(column),
            "below": column < low,
            "above": column > high,
            "lacking": np.isnan(column),
        }.get(finding.column, np.zeros(len(column), dtype=bool))
        at = np.flatnonzero(wrong)
        entries.append(
            FailedCheck(
                check=finding.check,
                column=feature.name,
                expectation=finding.expectation,
                severity=finding.severity,
                why=finding.why,
                count=len(at) or 1,
                observed=f"{finding.column} = {frame[finding.column][place]:g}",
                samples=tuple(SampleRow(str(claim_ids[row]), f"{column[row]:g}") for row in at[:5]),
            )
        )
    return entries
