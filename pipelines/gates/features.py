"""The quality gate on the offline features: every view present, up to date, of the usual size, late arrivals reported.

The gate on the training set (`pipelines.gates.training`) checks values: ranges, missing shares, stability. This one
checks what they are read from. Great Expectations reads small frames (one row per view, one row per day) that DuckDB
computes, so the size of the views does not matter.

The volumes of an accepted batch are kept in `home/features/volumes.json`; the next batch of the same origin is compared
with them.
"""

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb
import pandas as pd

from core.clock import DAY_US
from features.declare import DERIVED_SQL, VIEWS, RowKind, View
from features.offline import EVENT_TIME, Relation, file_of, relation, scratch_duckdb
from pipelines.gates.engine import validate
from pipelines.gates.errors import GateFailed
from pipelines.gates.names import FEATURES
from pipelines.gates.outcome import ColumnCheck, GateResult, SampleRow, Severity, SkippedCheck
from pipelines.gates.report import write_report

MIN_OF_PREVIOUS = 0.5
MIN_OF_USUAL, MAX_OF_USUAL = 0.2, 5.0
MAX_LATE_SHARE = 0.01
USUAL_DAYS = 28
REPEATED_DAYS = 60
"""Last days in which rows are checked for a second one of the same key and time."""

VIEW_CHECKS: tuple[ColumnCheck, ...] = (
    ColumnCheck(
        "view_readable",
        "unreadable",
        "ExpectColumnValuesToBeBetween",
        {"column": "unreadable", "max_value": 0},
        "a view whose file is missing, damaged or of another layout: build the features again",
    ),
    ColumnCheck(
        "view_filled",
        "empty",
        "ExpectColumnValuesToBeBetween",
        {"column": "empty", "max_value": 0},
        "a view without rows, though claims have its keys: it was not built",
    ),
    ColumnCheck(
        "view_of_usual_size",
        "of_before",
        "ExpectColumnValuesToBeBetween",
        {"column": "of_before", "min_value": MIN_OF_PREVIOUS},
        "a view that shrank: claims or entities were lost",
    ),
    ColumnCheck(
        "view_in_time",
        "days_behind",
        "ExpectColumnValuesToBeBetween",
        {"column": "days_behind", "max_value": 0},
        "a view that ends before the last claim",
    ),
    ColumnCheck(
        "view_not_ahead",
        "ahead",
        "ExpectColumnValuesToBeBetween",
        {"column": "ahead", "max_value": 0},
        "rows dated after the last claim's day",
    ),
    ColumnCheck(
        "view_not_negative",
        "negative",
        "ExpectColumnValuesToBeBetween",
        {"column": "negative", "max_value": 0},
        "a count or sum below zero",
    ),
    ColumnCheck(
        "view_row_once",
        "repeated",
        "ExpectColumnValuesToBeBetween",
        {"column": "repeated", "max_value": 0},
        "two rows of one key and time: the join would use either of them",
    ),
)
"""Over the frame with one row per view."""

DAY_CHECKS: tuple[ColumnCheck, ...] = (
    ColumnCheck(
        "day_volume",
        "of_usual",
        "ExpectColumnValuesToBeBetween",
        {"column": "of_usual", "min_value": MIN_OF_USUAL, "max_value": MAX_OF_USUAL, "mostly": 0.97},
        "a day with far fewer or more claims than the four weeks before",
        Severity.WARNING,
    ),
    ColumnCheck(
        "late_arrivals",
        "late_share",
        "ExpectColumnValuesToBeBetween",
        {"column": "late_share", "max_value": MAX_LATE_SHARE},
        "claims received after the features of their day were accepted: training used other values",
        Severity.WARNING,
    ),
    ColumnCheck(
        "no_claims_lost",
        "lost",
        "ExpectColumnValuesToBeBetween",
        {"column": "lost", "max_value": 0},
        "claims of an accepted day that are no longer there",
    ),
)
"""Over the frame with one row per day of receipt."""


@dataclass(frozen=True, slots=True)
class BatchVolumes:
    """The volumes of an accepted batch."""

    origin: str
    """What identifies the source: batches of different sources are not compared."""
    views: dict[str, int]
    days: dict[str, int]
    """Day of receipt (days since the epoch) → claims."""


def volumes_path(home: Path) -> Path:
    """Where the volumes of the last accepted batch are."""
    return home / "features" / "volumes.json"


def check_features(home: Path, claims: Relation, report: Path, *, origin: str) -> GateResult:
    """Check the offline features of `home` against the claims they were built from and the batch accepted before.

    `origin` identifies the source, and is the same for its later batches. Without an accepted batch of it the
    comparisons are skipped, and the result says so. Writes the report; raises `GateFailed` on a critical finding, else
    keeps this batch's volumes.
    """
    started = time.perf_counter()
    before = _read(volumes_path(home), origin)
    with scratch_duckdb(home / "features" / "spill") as connection:
        source = relation(connection, claims, "claims_frame")
        counted = connection.execute(
            f"SELECT epoch_us(received_at) // {DAY_US} AS day, count(*) FROM {source} GROUP BY day ORDER BY day"
        ).fetchall()
        days = {str(day): count for day, count in counted}
        measured = [_measure(connection, home, view, source) for view in VIEWS]
    frame = pd.DataFrame(measured)
    names = [view.name for view in VIEWS]
    frame["of_before"] = [
        rows / before.views[name] if before and before.views.get(name) else float("nan")
        for name, rows in zip(names, frame["rows"], strict=True)
    ]
    by_day = _by_day(days, before)
    skipped = _not_compared(names, before)
    uncompared = _COMPARISONS if before is None else frozenset()
    view_checks = [check for check in VIEW_CHECKS if check.name not in uncompared]
    day_checks = [check for check in DAY_CHECKS if check.name not in uncompared]
    passed, findings = validate(
        frame, view_checks, lambda column, row: SampleRow(names[row], f"{frame[column][row]:g}")
    )
    good, bad = validate(
        by_day, day_checks, lambda column, row: SampleRow(f"{_date(by_day['day'][row])}", f"{by_day[column][row]:g}")
    )
    result = GateResult(
        gate=FEATURES,
        rows=int(frame["rows"].sum()),
        passed=tuple(passed + good),
        skipped=skipped,
        findings=(*findings, *bad),
        report=report,
        seconds=round(time.perf_counter() - started, 2),
    )
    write_report(result, {check.name: check for check in (*VIEW_CHECKS, *DAY_CHECKS)})
    if not result.success:
        raise GateFailed(result)
    accepted = BatchVolumes(origin, dict(zip(names, frame["rows"].astype(int).tolist(), strict=True)), days)
    volumes_path(home).write_text(json.dumps(asdict(accepted)))
    return result


_COMPARISONS = frozenset({"view_of_usual_size", "late_arrivals", "no_claims_lost"})
"""Checks that compare with the batch accepted before."""


def _not_compared(views: list[str], before: BatchVolumes | None) -> tuple[SkippedCheck, ...]:
    if before is None:
        return tuple(SkippedCheck(name, "no batch of this source was accepted before") for name in sorted(_COMPARISONS))
    new = [name for name in views if not before.views.get(name)]
    return (SkippedCheck("view_of_usual_size", f"without rows in the batch before: {', '.join(new)}"),) if new else ()


def _measure(connection: duckdb.DuckDBPyConnection, home: Path, view: View, claims: str) -> dict[str, int]:
    """Count what is wrong with a view's rows; a view whose keys no claim has may be empty."""
    weekly = view.kind is RowKind.WEEKLY
    needed = (*view.keys, "member_id") if weekly else view.keys  # the network is of providers that share members
    known = " AND ".join(f"{DERIVED_SQL.get(key, key)} IS NOT NULL" for key in needed)
    day_of = f"epoch_us(received_at) // {DAY_US}"
    ((keyed, last, end),) = connection.execute(
        f"SELECT count(*) FILTER ({known}), coalesce(max({day_of}) FILTER ({known}), 0), coalesce(max({day_of}), 0)"
        f" FROM {claims}"
    ).fetchall()
    values = [field.name for field in view.fields if not field.is_array]
    below = " OR ".join(f"{name} < 0" for name in values)
    day = f"((epoch_us({EVENT_TIME}) + 1) // {DAY_US})"
    # The history as of the day after the last claim is complete at the end of the last day; today's last row is of that
    # day.
    due = last if view.kind is RowKind.TODAY else last + 1
    keys = ", ".join((*view.keys, EVENT_TIME))
    recent = f"{day} > {due - REPEATED_DAYS}"
    try:
        ((rows, newest, ahead, negative, repeated),) = connection.execute(f"""
            SELECT count(*), coalesce(max({day}), 0), count(*) FILTER ({day} > {end + 1}), count(*) FILTER ({below}),
                   count(*) FILTER ({recent}) - count(DISTINCT hash({keys})) FILTER ({recent})
            FROM read_parquet('{file_of(home, view)}')""").fetchall()
    except duckdb.Error:
        nothing = ("rows", "empty", "days_behind", "ahead", "negative", "repeated")
        return {"unreadable": 1} | dict.fromkeys(nothing, 0)
    return {
        "unreadable": 0,
        "rows": rows,
        "empty": int(keyed > 0 and rows == 0),
        "days_behind": max(due - newest - (7 if weekly else 0), 0) if keyed else 0,
        "ahead": ahead,
        "negative": negative,
        "repeated": repeated,
    }


def _by_day(days: dict[str, int], before: BatchVolumes | None) -> pd.DataFrame:
    known = [int(day) for day in (*days, *(before.days if before else ()))]
    first, last = min(known, default=0), max(known, default=0)
    counts = pd.Series([days.get(str(day), 0) for day in range(first, last + 1)], dtype="float64")
    # A day is compared with the same day of the week: insurers receive little at weekends.
    weeks = [counts.shift(week * 7) for week in range(1, USUAL_DAYS // 7 + 1)]
    usual = pd.concat(weeks, axis=1).mean(axis=1, skipna=False)
    frame = pd.DataFrame({"day": range(first, last + 1), "claims": counts})
    frame["of_usual"] = (counts / usual.where(usual >= 20)).fillna(1.0)  # fewer than 20 vary by chance
    then = counts if before is None else pd.Series([before.days.get(str(day)) for day in frame["day"]], dtype="float64")
    accepted = 0 if before is None else max(map(int, before.days), default=0)
    settled = then.where(frame["day"] < accepted)
    frame["late_share"] = ((counts - settled).clip(lower=0) / counts.where(counts > 0)).fillna(0.0)
    frame["lost"] = (settled - counts).clip(lower=0).fillna(0.0)
    return frame


def _read(path: Path, origin: str) -> BatchVolumes | None:
    if not path.exists():
        return None
    found = BatchVolumes(**json.loads(path.read_text()))
    return found if found.origin == origin else None


def _date(day: int) -> str:
    return str(pd.Timestamp(day, unit="D").date())
