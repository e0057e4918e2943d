"""The quality gate on raw claims: what must hold before features are built from a batch."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from claims.money import MAX_CENTS
from core import clock
from core.clock import DAY_US
from pipelines.gates.engine import validate
from pipelines.gates.errors import GateFailed
from pipelines.gates.names import RAW_CLAIMS
from pipelines.gates.outcome import ColumnCheck, GateResult, SampleRow, Severity, SkippedCheck
from pipelines.gates.report import write_report
from pipelines.ingest import shape

_TEXTS = (("claim_id", 64), ("member_id", 64), ("provider_id", 64), ("procedure_code", 64), ("diagnosis_code", 64))


AMOUNT_STEP = 10.0
"""How many times the usual amount three quarters of a day's claims may be at or above, and below."""
LEAST_CLAIMS_A_DAY = 20
"""Claims of a usual day below which the amounts of a week are compared together."""


def _between(
    name: str, column: str, why: str, low: float | None, high: float | None, severity: Severity = Severity.CRITICAL
) -> ColumnCheck:
    arguments = {"column": column, "min_value": low, "max_value": high}
    return ColumnCheck(name, column, "ExpectColumnValuesToBeBetween", arguments, why, severity, (column,))


def _filled(column: str, share: float, why: str, severity: Severity = Severity.CRITICAL) -> ColumnCheck:
    arguments = {"column": column, "mostly": share}
    return ColumnCheck(f"{column}_filled", column, "ExpectColumnValuesToNotBeNull", arguments, why, severity, (column,))


def _ordered(name: str, column: str, later: str, earlier: str, why: str, needs: tuple[str, ...] = ()) -> ColumnCheck:
    arguments = {"column_A": later, "column_B": earlier, "or_equal": True, "ignore_row_if": "either_value_is_missing"}
    return ColumnCheck(name, column, "ExpectColumnPairValuesAToBeGreaterThanB", arguments, why, needs=needs)


def _mean(
    name: str, column: str, why: str, low: float, high: float, severity: Severity = Severity.CRITICAL
) -> ColumnCheck:
    arguments = {"column": column, "min_value": low, "max_value": high}
    return ColumnCheck(name, column, "ExpectColumnMeanToBeBetween", arguments, why, severity)


def declared(now_us: int, *, least_rows: int = 100) -> tuple[ColumnCheck, ...]:
    """The expectations, over the frame of `prepare`."""
    return (
        ColumnCheck(
            "enough_rows",
            "",
            "ExpectTableRowCountToBeBetween",
            {"min_value": least_rows},
            "a batch this small is an incomplete extract",
        ),
        ColumnCheck(
            "claim_id_unique",
            "claim_id",
            "ExpectColumnValuesToBeUnique",
            {"column": "claim_id"},
            "a claim read twice counts twice in every feature",
        ),
        *(
            ColumnCheck(
                f"{column}_short",
                column,
                "ExpectColumnValuesToBeBetween",
                {"column": f"{column}_length", "min_value": 1, "max_value": limit},
                "longer than the contract allows: a column in the wrong place",
                needs=(column,),
            )
            for column, limit in _TEXTS
        ),
        _filled("provider_id", 0.98, "without the provider there is no history to compare with"),
        _filled("member_id", 0.9, "without the member there is no history to compare with"),
        _filled("procedure_code", 0.7, "without the procedure there is no price to compare with"),
        _filled("diagnosis_code", 0.7, "without the diagnosis plausibility cannot be checked", Severity.WARNING),
        _between(
            "received_in_time",
            "received_at",
            "a claim from the future, or from before 1900: a wrong date format",
            -25_567 * DAY_US,
            now_us,
        ),
        _ordered("service_in_order", "service_to", "service_to", "service_from", "service ends before it begins"),
        _ordered(
            "received_after_service",
            "received_at",
            "received_day",
            "service_to",
            "claims received before the service: a wrong date format or column",
        ),
        _ordered(
            "voided_after_received",
            "voided_at",
            "voided_at",
            "received_at",
            "voided before it was received",
            ("voided_at",),
        ),
        _between("amount_possible", "amount_cents", "an amount must be positive and at most the limit", 1, MAX_CENTS),
        ColumnCheck(
            "amount_usual",
            "amount_cents",
            "ExpectColumnMedianToBeBetween",
            {"column": "amount_cents", "min_value": 1_00, "max_value": 1_000_000_00},
            "amounts in the wrong unit: cents read as whole units, or the reverse",
        ),
        ColumnCheck(
            "amount_steady",
            "amount_cents",
            "ExpectColumnValuesToBeBetween",
            {"column": "amount_over_usual", "min_value": 1 / AMOUNT_STEP, "max_value": AMOUNT_STEP},
            "most amounts of a day are ten times those usual for their procedures, or a tenth: another unit",
        ),
        ColumnCheck(
            "sex_known",
            "sex",
            "ExpectColumnValuesToBeInSet",
            {"column": "sex", "value_set": ["F", "M"]},
            "a sex that is not F or M",
            needs=("sex",),
        ),
        _between("age_possible", "age_years", "ages are 0 to 130", 0, 130),
        _between("units_possible", "units", "at least one unit", 1, 1_000_000),
        _between("lines_possible", "lines", "at least one line", 1, 100_000),
        _between("diagnoses_possible", "diagnoses", "at least one diagnosis", 1, 1_000),
        _between("limit_possible", "benefit_limit_cents", "a limit is not negative", 0, None),
        _mean("few_repeats", "repeated", "one claim in five repeats another under a new id: a file read twice", 0, 0.2),
        _mean("days_differ", "on_the_busiest_day", "most claims on one day: dates were lost", 0, 0.6, Severity.WARNING),
    )


LABEL_CHECKS: tuple[ColumnCheck, ...] = (
    ColumnCheck(
        "label_unique",
        "label",
        "ExpectColumnValuesToBeUnique",
        {"column": "label"},
        "two labels for one claim that became known at the same time",
    ),
    _mean("labels_have_claims", "orphan", "labels of claims that are not in the batch", 0, 0),
    _mean("fraud_share", "is_fraud", "no fraud, or almost only fraud: a wrong label column or value", 1e-5, 0.8),
    _ordered(
        "known_after_received",
        "known_at",
        "known_at",
        "received_at",
        "a label dated before its claim was received: probably of another claim",
    ),
)
"""Expectations on the labels frame, joined to its claims: a claim may have several labels, each at its own time."""


def prepare(claims: pa.Table) -> pd.DataFrame:
    """The claims as numbers without personal data. Times are in microseconds, days since the epoch.

    A claim id becomes the number of its distinct value; texts become their lengths.
    """
    columns: dict[str, Any] = {"claim_id": pc.dictionary_encode(claims["claim_id"].combine_chunks()).indices}
    for name, _ in _TEXTS:
        columns[f"{name}_length"] = pc.utf8_length(claims[name])
        if name != "claim_id":
            columns[name] = pc.if_else(pc.is_valid(claims[name]), 1.0, None)
    columns["received_at"] = claims["received_at"].cast(pa.int64())
    columns["voided_at"] = claims["voided_at"].cast(pa.int64())
    columns["received_day"] = pc.add(pc.floor(pc.divide(columns["received_at"], pa.scalar(float(DAY_US)))), 1.0)
    for name in ("service_from", "service_to"):
        columns[name] = claims[name].cast(pa.int32())
    for name in ("amount_cents", "age_years", "units", "lines", "diagnoses", "benefit_limit_cents"):
        columns[name] = claims[name]
    frame = pd.DataFrame({name: _numbers(column) for name, column in columns.items()})
    frame["sex"] = claims["sex"].combine_chunks().dictionary_encode().to_pandas()
    frame["amount_over_usual"] = _amount_over_usual(
        frame["amount_cents"].to_numpy(), _codes(claims["procedure_code"]), frame["received_day"].to_numpy()
    )
    alike = pd.DataFrame(
        {
            name: _codes(claims[name])
            for name in ("member_id", "provider_id", "procedure_code", "service_from", "amount_cents", "received_at")
        }
    )
    frame["repeated"] = alike.duplicated().astype(float) if claims["member_id"].null_count < len(claims) else 0.0
    busiest = frame["received_day"].mode()
    frame["on_the_busiest_day"] = (frame["received_day"] == (busiest.iloc[0] if len(busiest) else 0)).astype(float)
    return frame


def _amount_over_usual(
    cents: NDArray[np.float64], procedure: NDArray[np.int64], day: NDArray[np.float64]
) -> NDArray[np.float64]:
    """How far the amounts of each claim's day (N,) are from the median of their procedures: the lower quartile of the
    ratios where it is above one, the upper one where it is below, else one. Null for a day with too few claims.
    """
    frame = pd.DataFrame({"cents": np.maximum(cents, 1.0), "procedure": procedure, "day": day})
    days = frame["day"].value_counts()
    if len(days) and days.median() < LEAST_CLAIMS_A_DAY:
        frame["day"] //= 7
    frame["ratio"] = frame["cents"] / frame.groupby("procedure")["cents"].transform("median")
    by_day = frame.groupby("day")["ratio"]
    low, high, count = by_day.quantile(0.25), by_day.quantile(0.75), by_day.size()
    apart = np.where(low > 1, low, np.where(high < 1, high, 1.0))
    shift = pd.Series(np.where(count >= LEAST_CLAIMS_A_DAY, apart, np.nan), index=count.index)
    return np.asarray(frame["day"].map(shift), dtype=np.float64)


def _numbers(column: Any) -> Any:
    return column.to_numpy(zero_copy_only=False) if isinstance(column, pa.Array) else column.to_numpy()


def _codes(column: pa.ChunkedArray) -> Any:
    return _numbers(pc.fill_null(pc.dictionary_encode(column.combine_chunks()).indices, -1))


def _prepare_labels(labels: pa.Table, claims: pa.Table) -> pd.DataFrame:
    at = pc.index_in(labels["claim_id"], value_set=claims["claim_id"].combine_chunks())
    received = claims["received_at"].cast(pa.int64()).take(at)
    known_at = labels["known_at"].cast(pa.int64()).to_numpy()
    return pd.DataFrame(
        {
            "label": pd.factorize(pd.MultiIndex.from_arrays([_codes(labels["claim_id"]), known_at]))[0],
            "orphan": pc.is_null(at).cast(pa.float64()).to_numpy(),
            "is_fraud": labels["is_fraud"].cast(pa.float64()).to_numpy(),
            "known_at": known_at,
            "received_at": received.to_numpy(),
        }
    )


def _masked(table: pa.Table, column: str, row: int) -> SampleRow:
    value = table[column][row].as_py() if column in table.column_names else None
    return SampleRow(str(table["claim_id"][row]), shape(value) if isinstance(value, str) else str(value))


def check_claims(
    claims: pa.Table, labels: pa.Table | None, report: Path, *, missing: Sequence[str] = (), least_rows: int = 100
) -> GateResult:
    """Check a batch of claims (`features.declare.CLAIMS`) and its labels, and write the report (HTML).

    `missing` are columns that the source does not have: checks that need them are skipped, as are checks of optional
    columns without a single value, and checks of labels without labels. Every skipped check is in the result, with its
    reason. Raises `GateFailed` on a critical finding.
    """
    started = time.perf_counter()
    checks: list[ColumnCheck] = []
    skipped: list[SkippedCheck] = []
    expectations = declared(clock.micros(clock.now()), least_rows=least_rows)
    for check in expectations:
        absent = [name for name in check.needs if name in missing or _optional_and_empty(claims, name)]
        if absent:
            skipped.append(SkippedCheck(check.name, f"the source has no {', '.join(absent)}"))
        else:
            checks.append(check)
    passed, findings = validate(prepare(claims), checks, lambda column, row: _masked(claims, column, row))
    if labels is not None and len(labels):
        good, bad = validate(
            _prepare_labels(labels, claims), LABEL_CHECKS, lambda column, row: _masked(labels, column, row)
        )
        passed, findings = passed + good, findings + bad
    else:
        skipped += [SkippedCheck(check.name, "the batch has no labels") for check in LABEL_CHECKS]
    result = GateResult(
        gate=RAW_CLAIMS,
        rows=len(claims),
        passed=tuple(passed),
        skipped=tuple(skipped),
        findings=tuple(findings),
        report=report,
        seconds=round(time.perf_counter() - started, 2),
    )
    write_report(result, {check.name: check for check in (*expectations, *LABEL_CHECKS)})
    if not result.success:
        raise GateFailed(result)
    return result


def _optional_and_empty(claims: pa.Table, name: str) -> bool:
    optional = name not in ("claim_id", "received_at", "amount_cents", "provider_id")
    return optional and claims[name].null_count == len(claims)
