"""The quality gates: what they refuse, how they name it, and that they show no personal data."""

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from great_expectations.datasource.fluent.interfaces import Batch

from cli.main import main
from core import clock
from features.declare import CLAIMS, FEATURES, LABELS
from features.vector import ModelSchema
from pipelines.gates import (
    ColumnCheck,
    GateFailed,
    GateResult,
    Severity,
    check_claims,
    check_training_set,
    profile_from_json,
    profile_of,
    stability,
)
from pipelines.gates.engine import validate
from pipelines.gates.outcome import SampleRow

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def claims(rows: int = 200, **changes: Any) -> pa.Table:
    """A valid batch; `changes` gives a column other values for its first rows."""
    made = []
    for n in range(rows):
        day = date(2026, 1, 1) + timedelta(days=n % 90)
        made.append(
            {
                "claim_id": f"C{n}",
                "received_at": datetime(day.year, day.month, day.day, 9, n % 60, tzinfo=UTC) + timedelta(days=2),
                "service_from": day,
                "service_to": day,
                "member_id": f"Jane Roe {n}",
                "provider_id": f"H{n % 7}",
                "procedure_code": "P001",
                "diagnosis_code": "D001",
                "sex": "F",
                "age_years": 40,
                "amount_cents": 10_000 + n,
                "units": 1,
                "lines": 1,
                "diagnoses": 1,
            }
        )
    for column, values in changes.items():
        for n, value in enumerate(values):
            made[n][column] = value
    return pa.Table.from_pylist(made, schema=CLAIMS)


def labels(of: pa.Table, *, fraud: int = 10, **changes: Any) -> pa.Table:
    made = [
        {"claim_id": row["claim_id"], "is_fraud": n < fraud, "known_at": row["received_at"] + timedelta(days=30)}
        for n, row in enumerate(of.to_pylist())
    ]
    for column, values in changes.items():
        for n, value in enumerate(values):
            made[n][column] = value
    return pa.Table.from_pylist(made, schema=LABELS)


def gate(batch: pa.Table, truth: pa.Table | None, folder: Path) -> GateResult:
    with clock.held(NOW):
        return check_claims(batch, truth, folder / "report.html")


def refused(batch: pa.Table, truth: pa.Table | None, folder: Path) -> GateFailed:
    with pytest.raises(GateFailed) as caught:
        gate(batch, truth, folder)
    return caught.value


def test_a_valid_batch_passes_and_writes_its_report(tmp_path: Path) -> None:
    batch = claims()
    result = gate(batch, labels(batch), tmp_path)
    assert result.success
    assert not result.findings
    assert {"claim_id_unique", "amount_possible", "fraud_share"} <= set(result.passed)
    assert {"limit_possible", "voided_after_received"} <= {skipped.check for skipped in result.skipped}
    assert "passed" in (tmp_path / "report.html").read_text("utf-8")


BROKEN: dict[str, tuple[dict[str, list[Any]], str, int]] = {
    "claim_id_unique": ({"claim_id": ["C5"]}, "claim_id", 2),
    "amount_possible": ({"amount_cents": [-5, 0]}, "amount_cents", 2),
    "received_in_time": ({"received_at": [datetime(2031, 1, 1, tzinfo=UTC)]}, "received_at", 1),
    "service_in_order": ({"service_from": [date(2026, 3, 30)]}, "service_to", 1),
    "received_after_service": ({"service_to": [date(2026, 5, 30)]}, "received_at", 1),
    "voided_after_received": ({"voided_at": [datetime(2025, 1, 1, tzinfo=UTC)]}, "voided_at", 1),
    "provider_id_filled": ({"provider_id": [None] * 9}, "provider_id", 9),
    "provider_id_short": ({"provider_id": ["H" * 65]}, "provider_id", 1),
    "sex_known": ({"sex": ["X"]}, "sex", 1),
    "age_possible": ({"age_years": [200, 131, -1]}, "age_years", 3),
    "units_possible": ({"units": [0]}, "units", 1),
    "amount_usual": ({"amount_cents": [9] * 150}, "amount_cents", 1),
}


@pytest.mark.parametrize("check", BROKEN)
def test_a_broken_batch_is_refused_by_expectation_column_and_count(check: str, tmp_path: Path) -> None:
    changes, column, count = BROKEN[check]
    error = refused(claims(**changes), None, tmp_path)
    found = {finding.check: finding for finding in error.result.critical()}
    assert check in found
    assert (found[check].column, found[check].count) == (column, count)
    assert found[check].expectation.startswith("expect_")
    assert check in str(error)
    assert check in (tmp_path / "report.html").read_text("utf-8")
    assert error.exit_code == 3


@pytest.mark.parametrize("factor", [100, 0.01])
def test_a_day_whose_amounts_are_in_another_unit_is_refused_before_it_can_drift(factor: float, tmp_path: Path) -> None:
    """Both amounts are possible, and the median of the batch is as usual."""
    batch = claims(2_700)
    day = pc.equal(batch["received_at"].cast(pa.date32()), date(2026, 3, 20))
    other = pc.round(pc.multiply(batch["amount_cents"], float(factor))).cast(pa.int64())
    amounts = pc.if_else(day, other, batch["amount_cents"])
    error = refused(batch.set_column(CLAIMS.get_field_index("amount_cents"), "amount_cents", amounts), None, tmp_path)
    [finding] = error.result.critical()
    assert (finding.check, finding.column, finding.count) == ("amount_steady", "amount_cents", 30)


def test_a_day_of_more_expensive_procedures_passes(tmp_path: Path) -> None:
    """Amounts are compared with those usual for the procedure."""
    batch = claims(2_700, procedure_code=["P002" if n % 90 == 5 else "P001" for n in range(2_700)])
    high = pc.equal(batch["procedure_code"], "P002")
    amounts = pc.if_else(high, pc.multiply(batch["amount_cents"], 100), batch["amount_cents"])
    assert gate(
        batch.set_column(CLAIMS.get_field_index("amount_cents"), "amount_cents", amounts), None, tmp_path
    ).success


def test_a_file_read_twice_is_refused_even_under_new_ids(tmp_path: Path) -> None:
    batch = claims()
    again = batch.set_column(0, CLAIMS.field("claim_id"), pa.array([f"D{n}" for n in range(len(batch))]))
    error = refused(pa.concat_tables([batch, again]), None, tmp_path)
    assert [finding.check for finding in error.result.critical()] == ["few_repeats"]


@pytest.mark.parametrize(
    ("changes", "fraud", "check"),
    [
        ({"claim_id": ["C9999"]}, 10, "labels_have_claims"),
        ({"known_at": [datetime(2025, 1, 1, tzinfo=UTC)]}, 10, "known_after_received"),
        ({}, 0, "fraud_share"),
        ({}, 200, "fraud_share"),
    ],
)
def test_impossible_labels_are_refused(changes: dict, fraud: int, check: str, tmp_path: Path) -> None:
    batch = claims()
    error = refused(batch, labels(batch, fraud=fraud, **changes), tmp_path)
    assert check in {finding.check for finding in error.result.critical()}


def test_two_labels_of_one_claim_and_moment_are_refused(tmp_path: Path) -> None:
    batch = claims()
    first = labels(batch)
    error = refused(batch, pa.concat_tables([first, first.slice(5, 1)]), tmp_path)
    assert {finding.check for finding in error.result.critical()} == {"label_unique"}


def test_a_finding_that_was_reversed_or_withdrawn_later_passes(tmp_path: Path) -> None:
    batch = claims()
    first = labels(batch)
    later = [row | {"is_fraud": truth} for row, truth in zip(first.slice(3, 2).to_pylist(), (False, None), strict=True)]
    for row in later:
        row["known_at"] += timedelta(days=1)
    sequence = pa.concat_tables([first, pa.Table.from_pylist(later, schema=LABELS)])
    assert check_claims(batch, sequence, tmp_path / "report.html").success


def test_neither_the_error_nor_the_report_names_a_member(tmp_path: Path) -> None:
    error = refused(claims(member_id=["Jane Roe " + "e" * 70]), None, tmp_path)
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "Aaaa Aaa" in str(error)
    assert "Jane" not in str(error) + page


def test_texts_of_a_file_are_escaped_in_the_report(tmp_path: Path) -> None:
    refused(claims(claim_id=["<script>1</script>", "<script>1</script>"]), None, tmp_path)
    assert "<script" not in (tmp_path / "report.html").read_text("utf-8")


def test_a_tiny_batch_is_refused(tmp_path: Path) -> None:
    assert "enough_rows" in str(refused(claims(rows=5), None, tmp_path))


def matrix(rows: int = 600, seed: int = 1) -> np.ndarray:
    """Values inside the declared bounds of every feature."""
    rng = np.random.default_rng(seed)
    columns = []
    for feature in FEATURES:
        low = 0.0 if feature.low is None else feature.low
        high = low + 5 if feature.high is None else feature.high
        columns.append(rng.uniform(low, high, rows).astype(np.float32))
    return np.stack(columns, axis=1)


NAMES = tuple(feature.name for feature in FEATURES)


def train_gate(values: np.ndarray, folder: Path, truth: Any = None, ids: Any = None, **more: Any) -> GateResult:
    rows = len(values)
    truth = np.arange(rows) % 10 == 0 if truth is None else truth
    ids = [f"C{n}" for n in range(rows)] if ids is None else ids
    return check_training_set(values, ModelSchema.of(NAMES), truth, ids, folder / "report.html", **more)


def test_a_valid_training_set_passes(tmp_path: Path) -> None:
    assert train_gate(matrix(), tmp_path).success


def test_a_feature_out_of_its_bounds_is_named_with_its_claims(tmp_path: Path) -> None:
    values = matrix()
    bounded = next(place for place, feature in enumerate(FEATURES) if feature.high is not None)
    values[3, bounded] = FEATURES[bounded].high + 9
    values[4, 0] = np.inf
    with pytest.raises(GateFailed) as caught:
        train_gate(values, tmp_path)
    found = {finding.check: finding for finding in caught.value.result.critical()}
    assert found["feature_not_above"].column == NAMES[bounded]
    assert found["feature_not_above"].samples[0].row == "C3"
    assert (found["feature_finite"].column, found["feature_finite"].count) == (NAMES[0], 1)


def test_a_feature_missing_more_than_declared_is_refused(tmp_path: Path) -> None:
    declared = [place for place, feature in enumerate(FEATURES) if feature.null_share < 1]
    if not declared:
        pytest.skip("every feature may be missing")
    values = matrix()
    values[:, declared[0]] = np.nan
    with pytest.raises(GateFailed, match="feature_filled"):
        train_gate(values, tmp_path)


@pytest.mark.parametrize(
    ("truth", "check"),
    [
        ([n < 5 for n in range(600)], "enough_fraud"),
        ([n >= 5 for n in range(600)], "enough_clean"),
        ([None] + [n % 9 == 0 for n in range(599)], "label_known"),
    ],
)
def test_labels_that_cannot_train_a_model_are_refused(truth: list, check: str, tmp_path: Path) -> None:
    with pytest.raises(GateFailed, match=check):
        train_gate(matrix(), tmp_path, truth)


def test_too_few_rows_and_repeated_claims_are_refused(tmp_path: Path) -> None:
    with pytest.raises(GateFailed, match="enough_rows"):
        train_gate(matrix(400), tmp_path)
    with pytest.raises(GateFailed, match="claim_once"):
        train_gate(matrix(), tmp_path, ids=["C1", *(f"C{n}" for n in range(599))])


def test_a_population_shift_is_a_warning_that_names_the_feature(tmp_path: Path) -> None:
    before = profile_from_json(profile_of(matrix(), NAMES).to_json())
    assert not train_gate(matrix(seed=2), tmp_path, before=before).findings
    moved = matrix(seed=3)
    place = next(place for place, feature in enumerate(FEATURES) if feature.high is None)
    moved[:, place] += 100
    result = train_gate(moved, tmp_path, before=before)
    assert result.success
    assert [(finding.check, finding.column) for finding in result.findings] == [("feature_stable", NAMES[place])]


def test_the_stability_index_is_zero_for_the_same_values_and_grows_with_missing_ones() -> None:
    values = np.random.default_rng(1).normal(size=5_000).astype(np.float32)
    before = profile_of(values[:, None], ("x",)).features["x"]
    assert stability(values, before) == 0
    holes = values.copy()
    holes[:1_000] = np.nan
    assert stability(holes, before) > 0.25


def test_the_command_exits_3_where_the_gate_refuses(tmp_path: Path) -> None:
    batch = claims(amount_cents=[-1])
    pq.write_table(batch, tmp_path / "claims.parquet")
    arguments = ["gate", str(tmp_path), "--report", str(tmp_path / "gate.html")]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 3
    assert re.search(r"amount_cents: expect_column_values_to_be_between .* 1 rows, such as C0 \(-1\)", done.output)
    pq.write_table(claims(), tmp_path / "claims.parquet")
    assert CliRunner().invoke(main, arguments).exit_code == 0


def test_a_check_that_great_expectations_returns_no_result_for_is_a_critical_finding(monkeypatch) -> None:
    checks = [
        ColumnCheck("positive", "a", "ExpectColumnValuesToBeBetween", {"column": "a", "min_value": 0}, "why"),
        ColumnCheck("small", "a", "ExpectColumnValuesToBeBetween", {"column": "a", "max_value": 9}, "why"),
    ]
    run = Batch.validate

    def forgetful(self, *args, **kwargs):
        answer = run(self, *args, **kwargs)
        answer.results = answer.results[:1]
        return answer

    monkeypatch.setattr(Batch, "validate", forgetful)
    passed, findings = validate(pd.DataFrame({"a": [1.0, 2.0]}), checks, lambda column, row: SampleRow("", ""))
    assert len(passed) + len(findings) == len(checks)
    [finding] = findings
    assert finding.severity is Severity.CRITICAL
    assert "no result" in finding.observed
