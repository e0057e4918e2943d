"""The gate on the offline features: missing, outdated, lost and late rows are found and named."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.declare import PLANS
from features.offline import build, file_of
from pipelines.gates import GateFailed, GateResult, check_features
from tests.features.factories import random_claims

MEMBER = PLANS["member"].history


@pytest.fixture(scope="module")
def claims() -> pa.Table:
    return random_claims(4_000, days=40, members=300, providers=30, procedures=20)[0]


@pytest.fixture
def home(tmp_path: Path, claims: pa.Table) -> Path:
    build(tmp_path, claims)
    return tmp_path


def _check(home: Path, claims: pa.Table, *, origin: str = "the insurer") -> GateResult:
    return check_features(home, claims, home / "report.html", origin=origin)


def _refused(home: Path, claims: pa.Table) -> dict[str, str]:
    with pytest.raises(GateFailed) as failed:
        _check(home, claims)
    return {finding.check: finding.sentence() for finding in failed.value.result.critical()}


def test_features_built_from_the_claims_pass(home: Path, claims: pa.Table) -> None:
    result = _check(home, claims)
    assert result.success
    assert result.findings == ()
    assert (home / "report.html").exists()
    assert _check(home, claims).success, "the same again, against what was accepted"


def test_views_that_the_data_have_no_keys_for_are_empty_every_time(home: Path, claims: pa.Table) -> None:
    without_members = claims.set_column(
        claims.schema.get_field_index("member_id"), claims.schema.field("member_id"), pa.nulls(len(claims), pa.string())
    )
    build(home, without_members)
    assert _check(home, without_members).success
    assert _check(home, without_members).success, "the same again, against what was accepted"


def test_a_view_that_ends_before_the_claims_is_named(home: Path, claims: pa.Table) -> None:
    days = claims["received_at"].to_numpy()
    build(home, claims.filter(pa.array(days < days.max() - np.timedelta64(5, "D"))))
    assert "member_history (5)" in _refused(home, claims)["view_in_time"]


def test_a_view_without_rows_is_named(home: Path, claims: pa.Table) -> None:
    path = file_of(home, MEMBER)
    pq.write_table(pq.read_table(path).slice(0, 0), path)
    assert "member_history" in _refused(home, claims)["view_filled"]


def _gone(path: Path) -> None:
    path.unlink()


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _damaged(path: Path) -> None:
    held = bytearray(path.read_bytes())
    held[1_000:9_000] = b"x" * 8_000
    path.write_bytes(held)


def _of_another_layout(path: Path) -> None:
    pq.write_table(pq.read_table(path).drop_columns(["cents_30d"]), path)


@pytest.mark.parametrize("spoil", [_gone, _cut, _damaged, _of_another_layout])
def test_a_view_that_cannot_be_read_is_named(home: Path, claims: pa.Table, spoil: Callable[[Path], None]) -> None:
    spoil(file_of(home, MEMBER))
    assert "member_history" in _refused(home, claims)["view_readable"]


def test_a_negative_sum_and_a_repeated_row_are_named(home: Path, claims: pa.Table) -> None:
    path = file_of(home, MEMBER)
    table = pq.read_table(path)
    cents = table["cents_30d"].to_numpy().copy()
    cents[7] = -1
    changed = table.set_column(table.column_names.index("cents_30d"), "cents_30d", pa.array(cents))
    pq.write_table(pa.concat_tables([changed, changed.slice(3, 1)]), path)
    found = _refused(home, claims)
    assert "member_history (1)" in found["view_not_negative"]
    assert "member_history (1)" in found["view_row_once"]


def test_claims_lost_since_the_last_batch_stop_the_run(home: Path, claims: pa.Table) -> None:
    _check(home, claims)
    fewer = claims.slice(100)
    build(home, fewer)
    assert "no_claims_lost" in _refused(home, fewer)


def test_late_arrivals_are_reported(home: Path, claims: pa.Table) -> None:
    day = claims["received_at"].to_numpy().astype("datetime64[D]")
    early = claims.filter(pa.array((day != day[2000]) | (np.arange(len(claims)) % 2 == 0)))
    build(home, early)
    _check(home, early)
    build(home, claims)
    result = _check(home, claims)
    assert result.success
    assert [finding.check for finding in result.findings] == ["late_arrivals"]
    assert str(day[2000]) in result.findings[0].sentence()


def test_a_day_of_unusual_volume_is_reported(tmp_path: Path) -> None:
    claims = random_claims(8_000, days=40, members=300, providers=30, procedures=20)[0]
    received = claims["received_at"].to_pylist()
    first = received[0]
    quiet = claims.filter(pa.array([not timedelta(34) < at - first < timedelta(37) for at in received]))
    build(tmp_path, quiet)
    assert "day_volume" in [finding.check for finding in _check(tmp_path, quiet).findings]


def test_a_training_set_is_not_compared_with_another_data_set(home: Path, claims: pa.Table) -> None:
    _check(home, claims)
    fewer = claims.slice(3_000)
    build(home, fewer)
    assert _check(home, fewer, origin="another insurer").success


@pytest.mark.parametrize("lacking", ["member_id", "diagnosis_code"])
def test_a_view_whose_keys_the_claims_do_not_have_is_not_required(
    tmp_path: Path, claims: pa.Table, lacking: str
) -> None:
    place = claims.schema.get_field_index(lacking)
    without = claims.set_column(place, claims.schema.field(place), pa.nulls(len(claims), pa.string()))
    build(tmp_path, without)
    assert _check(tmp_path, without).success


def test_keys_that_only_the_last_days_lack_leave_no_view_behind(tmp_path: Path, claims: pa.Table) -> None:
    place = claims.schema.get_field_index("diagnosis_code")
    codes = claims["diagnosis_code"].to_pylist()[:-600] + [None] * 600
    partly = claims.set_column(place, claims.schema.field(place), pa.array(codes, pa.string()))
    build(tmp_path, partly)
    assert _check(tmp_path, partly).success
