"""Windows that a mapping declares are computed when its data set is opened; a draft proposes them."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from pydantic import ValidationError

from pipelines.datasets import open_folder
from pipelines.ingest import Mapping
from pipelines.ingest.suggestion import suggest
from tests.pipelines.claims_files import ingest

COLUMNS = {"claim_id": "id", "received_at": "at", "amount": "amount", "label": "fraud", "provider_id": "shop"}
TERMINAL = {"terminal": {"type": "key", "meaning": "Terminal", "column": "terminal"}}
FILE = [
    "id,at,amount,fraud,shop,terminal",
    "1,2024-03-01T10:00:00Z,10.00,1,A,17.0",
    "2,2024-03-03T10:00:00Z,20.00,0,A,17",
    "3,2024-03-03T11:00:00Z,40.00,0,B,17",
    "4,2024-03-20T10:00:00Z,80.00,1,B,",
]


def declared(**changes: Any) -> Mapping:
    windows = {"terminal": {"key": "terminal", "lengths": ["1d", "ever"], "mean": ["amount"], "fraud_rate": True}}
    given = {"name": "cards", "columns": COLUMNS, "features": TERMINAL, "windows": windows} | changes
    return Mapping.model_validate(given)


def values(folder: Path, name: str) -> list[float | None]:
    attributes = open_folder(folder, name="cards").attributes
    assert attributes is not None
    found: list[float | None] = attributes.values[name].to_pylist()
    return found


def test_windows_count_earlier_claims_of_the_entity_and_outcomes_known_by_then(tmp_path: Path) -> None:
    folder = ingest(tmp_path, FILE, declared(label_known_after_days=1)).folder
    assert values(folder, "terminal.claims_1d") == [0, 0, 1, None]
    assert values(folder, "terminal.amount_mean_ever") == [None, 10, 15, None]
    assert values(folder, "terminal.frauds_ever") == [0, 1, 1, None]
    assert values(folder, "terminal.fraud_rate_ever") == [None, 1, 1, None]
    about = json.loads((folder / "dataset.json").read_text())
    assert about["label_times"] == "assumed"
    assert about["attributes"]["terminal.claims_1d"]["window"]["key"] == "terminal"
    assert pq.read_schema(folder / "attributes.parquet").names == ["claim_id", "terminal"]


def test_without_label_dates_no_outcome_counts(tmp_path: Path) -> None:
    folder = ingest(tmp_path, FILE, declared()).folder
    assert values(folder, "terminal.frauds_ever") == [0, 0, 0, None]
    assert values(folder, "terminal.fraud_rate_ever") == [None] * 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"features": {}}, "'terminal' is neither member_id, provider_id, procedure_code nor an attribute"),
        ({"windows": {"w": {"key": "member_id"}}}, "windows.w.key: columns does not map 'member_id'"),
        ({"windows": {"w": {"key": "terminal", "lengths": ["2w"]}}}, "String should match pattern"),
        ({"windows": {"w": {"key": "terminal", "lengths": ["1d", "1d"]}}}, "lengths lists an entry twice"),
        ({"windows": {"w": {"key": "terminal", "lengths": []}}}, "at least 1 item"),
        ({"windows": {f"w{n}": {"key": "terminal"} for n in range(21)}}, "at most 20 items"),
        ({"label_known_after_days": -1}, "greater than or equal to 0"),
        (
            {"columns": COLUMNS | {"label_known_at": "known"}, "label_known_after_days": 1},
            "columns maps label_known_at",
        ),
        (
            {"columns": {"amount": "amount"}, "constants": {"received_at": "2024-01-01"}},
            "the file has no dates, so no claim is earlier than another",
        ),
        ({"features": TERMINAL | {"t.x": TERMINAL["terminal"]}}, "String should match pattern"),
        (
            {"features": {"terminal": TERMINAL["terminal"] | {"window": {"key": "shop", "kind": "claims"}}}},
            "the values of a window are declared under windows",
        ),
    ],
)
def test_a_window_that_cannot_be_computed_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as refused:
        declared(**changes)
    assert message in str(refused.value)


def test_the_number_of_values_is_bounded() -> None:
    lengths = [f"{days}d" for days in range(1, 9)]
    window = {"key": "terminal", "lengths": lengths, "mean": ["amount", "units"], "hours_since_last": False}
    windows = {f"w{number}": window for number in range(19)}  # 24 values each, and the key
    further = {"lengths": lengths[:7], "distinct": ["member_id"], "fraud_rate": True, "hours_since_last": True}
    assert len(declared(windows={**windows, "last": window | further}).attributes) == 500
    with pytest.raises(ValidationError, match="features and the values of windows are 501, and 500 are the most"):
        declared(windows={**windows, "last": window | further | {"last": ["amount"]}})


def card_file(folder: Path, days: int, *, dated_labels: bool = False) -> Path:
    """Card transactions of few customers at few terminals and on few routes."""
    rng = np.random.default_rng(1)
    start = datetime(2024, 1, 1, tzinfo=UTC)
    lines = ["TRANSACTION_ID,TX_DATETIME,CUSTOMER_ID,ROUTE_KEY,TX_AMOUNT,TX_FRAUD" + ",LABEL_DATE" * dated_labels]
    for number in range(400):
        at = start + timedelta(days=days * number / 400, seconds=int(rng.integers(0, 3_600)))
        known = f",{at + timedelta(days=3):%Y-%m-%d}" * dated_labels
        customer, device = rng.integers(0, 150), rng.integers(0, 120)
        fraud = int(rng.random() < 0.2)
        lines.append(f"{number},{at:%Y-%m-%d %H:%M:%S},C{customer},{device},{rng.random() * 90:.2f},{fraud}{known}")
    file = folder / "cards.csv"
    file.write_text("\n".join(lines))
    return file


def test_a_draft_proposes_windows_over_entities_that_occur_again(tmp_path: Path) -> None:
    draft = yaml.safe_load(suggest(card_file(tmp_path, days=180)).mapping)
    assert draft["label_known_after_days"] == 8
    assert draft["features"]["route_key"] == {"type": "key", "meaning": "Route", "column": "ROUTE_KEY"}
    assert draft["windows"]["member"]["key"] == "member_id"
    assert draft["windows"]["route"] == {
        "key": "route_key", "lengths": ["1d", "7d", "30d"], "mean": ["amount"], "fraud_rate": True
    }  # fmt: skip
    assert Mapping.model_validate(draft).windows["route"].fraud_rate


def test_a_draft_of_two_months_assumes_no_delay_of_outcomes(tmp_path: Path) -> None:
    for days, known in ((59, False), (62, True)):
        draft = yaml.safe_load(suggest(card_file(tmp_path, days=days)).mapping)
        assert ("label_known_after_days" in draft) is known
        assert ("fraud_rate" in draft["windows"]["member"]) is known


def test_a_draft_uses_the_dates_of_labels(tmp_path: Path) -> None:
    file = card_file(tmp_path, days=40, dated_labels=True)
    file.write_text(file.read_text().replace("LABEL_DATE", "label_known_at"))
    draft = yaml.safe_load(suggest(file).mapping)
    assert "label_known_after_days" not in draft
    assert draft["windows"]["member"]["fraud_rate"] is True
