"""A claims frame from any source: impossible values are refused by name, and nothing is written."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from core import clock
from features.declare import CLAIMS
from features.errors import InvalidFrameError, NaiveTimeError
from features.feast import training_set
from features.offline import build
from features.offline.builder import offline_folder
from tests.features.factories import claim, claims

INSTANT = pa.timestamp("us", tz="UTC")
NOW = datetime(2024, 6, 1, tzinfo=UTC)


def frame(**facts: object) -> pa.Table:
    """Three claims, of which the second has these facts."""
    return claims([claim(1), claim(2, **facts), claim(3)])


def changed(column: str, values: pa.Array | pa.ChunkedArray) -> pa.Table:
    return frame().set_column(CLAIMS.get_field_index(column), column, values)


REFUSED: dict[str, tuple[Callable[[], pa.Table], str]] = {
    "a claim twice": (lambda: frame(claim_id="clm_000001"), "1 with a duplicate claim_id; the first is clm_000001"),
    "no id": (lambda: changed("claim_id", pa.array(["a", None, "b"])), "1 with no claim_id"),
    "an amount of zero": (lambda: frame(amount_cents=0), "1 with an amount_cents that is not positive.*clm_000002"),
    "a negative amount": (lambda: frame(amount_cents=-5), "1 with an amount_cents that is not positive.*clm_000002"),
    "no amount": (lambda: changed("amount_cents", pa.array([1, None, 2])), "1 with an amount_cents that is not"),
    "an amount with noise": (
        lambda: changed("amount_cents", pa.array([100.0, 100.00000001, 99.99999999])),
        "amount_cents is DOUBLE, must be integers",
    ),
    "an amount in words": (lambda: changed("amount_cents", pa.array(["1", "2", "3"])), "amount_cents is VARCHAR"),
    "no time": (lambda: changed("received_at", pa.array([NOW, None, NOW], INSTANT)), "1 with no received_at"),
    "another century": (
        lambda: frame(received_at=datetime(2124, 1, 1, tzinfo=UTC)),
        "1 with a received_at more than a year from now; the first is clm_000002",
    ),
    "the last day there is": (lambda: frame(received_at=datetime(9999, 12, 31, tzinfo=UTC)), "a year from now"),
    "before there were computers": (lambda: frame(received_at=datetime(1901, 1, 1, tzinfo=UTC)), "before 1970"),
    "a time for a date": (lambda: changed("service_from", frame()["received_at"]), "service_from is TIMESTAMP"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_invalid_claims_frame_is_refused_with_the_reason(name: str, tmp_path: Path) -> None:
    made, message = REFUSED[name]
    with clock.held(NOW):
        with pytest.raises(InvalidFrameError, match=message):
            build(tmp_path, made())
        with pytest.raises(InvalidFrameError, match=message):
            training_set(tmp_path, made())
    assert not offline_folder(tmp_path).exists()


@pytest.mark.parametrize("column", ["received_at", "voided_at"])
def test_a_time_without_a_zone_is_refused(tmp_path: Path, column: str) -> None:
    naive = changed(column, frame()[column].cast(pa.timestamp("us")))
    with pytest.raises(NaiveTimeError, match=f"{column} of the claims frame has no time zone"):
        build(tmp_path, naive)
    with pytest.raises(NaiveTimeError, match=f"{column} of the claims frame has no time zone"):
        training_set(tmp_path, naive)


def test_simulated_future_days_are_accepted(tmp_path: Path) -> None:
    with clock.held(NOW):
        assert build(tmp_path, frame(received_at=NOW + timedelta(days=90))).claims == 3


def test_a_column_the_source_lacks_may_be_without_a_type(tmp_path: Path) -> None:
    assert build(tmp_path, changed("units", pa.nulls(3))).claims == 3


def test_ids_of_any_length_are_compared_in_full(tmp_path: Path) -> None:
    from features.feast import apply
    from features.vector import FEATURE_NAMES

    long = "x" * 10_000
    rows = [claim(n, member_id=f"{long}{n % 2}", provider_id=f"{long}{n % 2}") for n in range(4)]
    build(tmp_path, claims(rows))
    apply(tmp_path, "redis://127.0.0.1:1/0")
    vectors = training_set(tmp_path, claims(rows)).x
    assert np.array_equal(vectors[:, FEATURE_NAMES.index("member_claims_365d")], [0, 0, 1, 1])
