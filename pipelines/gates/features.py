"""The gate on the offline features: every view there, in time, of the usual size, and nothing that comes late unseen.

The gate on the training set (`pipelines.gates.training`) looks at values: ranges, missing shares, stability. This one
looks at what they are read from. Great Expectations reads small frames (a row a view, a row a day), which DuckDB
counts, so the size of the views does not matter.

What was accepted is kept in `home/features/volumes.json`; the next batch of the same origin is held against it.
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
from pipelines.gates.outcome import Check, GateResult, Sample
from pipelines.gates.report import write_report

GATE = "features"
LEAST_OF_BEFORE = 0.5
LEAST_OF_USUAL, MOST_OF_USUAL = 0.2, 5.0
MOST_LATE_SHARE = 0.01
USUAL_DAYS = 28
REPEATED_DAYS = 60
"""Days at the end in which rows are looked at one by one for a second of the same key and time."""

VIEW_CHECKS: tuple[Check, ...] = (
    Check("view_readable", "unreadable", "ExpectColumnValuesToBeBetween", {"column": "unreadable", "max_value": 0},
          "a view whose file is missing, damaged or of another layout: build the features anew"),
    Check("view_filled", "empty", "ExpectColumnValuesToBeBetween", {"column": "empty", "max_value": 0},
          "a view without rows, though claims have its keys: it was not built"),
    Check("view_of_usual_size", "of_before", "ExpectColumnValuesToBeBetween",
          {"column": "of_before", "min_value": LEAST_OF_BEFORE}, "a view that shrank: claims or entities were lost"),
    Check("view_in_time", "days_behind", "ExpectColumnValuesToBeBetween", {"column": "days_behind", "max_value": 0},
          "a view that ends before the claims do"),
    Check("view_not_ahead", "ahead", "ExpectColumnValuesToBeBetween", {"column": "ahead", "max_value": 0},
          "rows that are known only after the last claim's day"),
    Check("view_not_negative", "negative", "ExpectColumnValuesToBeBetween", {"column": "negative", "max_value": 0},
          "a count or sum below nought"),
    Check("view_row_once", "repeated", "ExpectColumnValuesToBeBetween", {"column": "repeated", "max_value": 0},
          "two rows of one key and time: the join would take either"),
)  # fmt: skip
"""Over the frame with a row per view."""

DAY_CHECKS: tuple[Check, ...] = (
    Check("day_volume", "of_usual", "ExpectColumnValuesToBeBetween",
          {"column": "of_usual", "min_value": LEAST_OF_USUAL, "max_value": MOST_OF_USUAL, "mostly": 0.97},
          "a day with far fewer or more claims than the four weeks before", "warning"),
    Check("late_arrivals", "late_share", "ExpectColumnValuesToBeBetween",
          {"column": "late_share", "max_value": MOST_LATE_SHARE},
          "claims that came after features of their day were accepted: what was learned from is not what is read now",
          "warning"),
    Check("no_claims_lost", "lost", "ExpectColumnValuesToBeBetween", {"column": "lost", "max_value": 0},
          "claims of an accepted day that are gone"),
)  # fmt: skip
"""Over the frame with a row per day of receipt."""


@dataclass(frozen=True, slots=True)
class Volumes:
    """How much an accepted batch held."""

    origin: str
    """What the claims were: another data set is not held against this one."""
    views: dict[str, int]
    days: dict[str, int]
    """Day of receipt (days since the epoch) → claims."""


def volumes_path(home: Path) -> Path:
    """Where the volumes of the last accepted batch are."""
    return home / "features" / "volumes.json"


def check_features(home: Path, claims: Relation, report: Path, *, origin: str) -> GateResult:
    """Check the offline features of `home` against the claims they were built from and the batch accepted before.

    `origin` says what the claims are, the same for a later batch of the same source. Writes the report; raises
    `GateFailed` on a critical finding, else keeps this batch's volumes.
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
        rows / before.views[name] if before and before.views.get(name) else 1.0
        for name, rows in zip(names, frame["rows"], strict=True)
    ]
    by_day = _by_day(days, before)
    passed, findings = validate(frame, VIEW_CHECKS, lambda column, row: Sample(names[row], f"{frame[column][row]:g}"))
    good, bad = validate(
        by_day, DAY_CHECKS, lambda column, row: Sample(f"{_date(by_day['day'][row])}", f"{by_day[column][row]:g}")
    )
    result = GateResult(
        gate=GATE,
        rows=int(frame["rows"].sum()),
        passed=tuple(passed + good),
        skipped=(),
        findings=(*findings, *bad),
        report=report,
        seconds=round(time.perf_counter() - started, 2),
    )
    write_report(result, {check.name: check for check in (*VIEW_CHECKS, *DAY_CHECKS)})
    if not result.success:
        raise GateFailed(result)
    accepted = Volumes(origin, dict(zip(names, frame["rows"].astype(int).tolist(), strict=True)), days)
    volumes_path(home).write_text(json.dumps(asdict(accepted)))
    return result


def _measure(connection: duckdb.DuckDBPyConnection, home: Path, view: View, claims: str) -> dict[str, int]:
    """What is wrong with a view's rows, in numbers; a view none of whose keys the claims have has nothing to be."""
    weekly = view.kind is RowKind.WEEKLY
    needed = (*view.keys, "member_id") if weekly else view.keys  # the network is of providers who share members
    known = " AND ".join(f"{DERIVED_SQL.get(key, key)} IS NOT NULL" for key in needed)
    day_of = f"epoch_us(received_at) // {DAY_US}"
    ((keyed, last, end),) = connection.execute(
        f"SELECT count(*) FILTER ({known}), coalesce(max({day_of}) FILTER ({known}), 0), coalesce(max({day_of}), 0)"
        f" FROM {claims}"
    ).fetchall()
    values = [field.name for field in view.fields if not field.is_array]
    below = " OR ".join(f"{name} < 0" for name in values)
    day = f"((epoch_us({EVENT_TIME}) + 1) // {DAY_US})"
    # History as of the day after the last claim is known by the end of the last day; today's last row on that day.
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


def _by_day(days: dict[str, int], before: Volumes | None) -> pd.DataFrame:
    known = [int(day) for day in (*days, *(before.days if before else ()))]
    first, last = min(known, default=0), max(known, default=0)
    counts = pd.Series([days.get(str(day), 0) for day in range(first, last + 1)], dtype="float64")
    # A day of the week is held against its like: insurers receive little at weekends.
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


def _read(path: Path, origin: str) -> Volumes | None:
    if not path.exists():
        return None
    found = Volumes(**json.loads(path.read_text()))
    return found if found.origin == origin else None


def _date(day: int) -> str:
    return str(pd.Timestamp(day, unit="D").date())
