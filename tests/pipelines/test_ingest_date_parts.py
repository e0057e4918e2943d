"""Dates that a file holds in parts: a year, a month, and a day or a week of the month."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from core import clock
from pipelines.duck import connect
from pipelines.ingest import Mapping, ingest_csv, load_mapping, suggest
from pipelines.ingest.fields import date_of_parts
from pipelines.ingest.formats import DateParts
from tests.pipelines.claims_files import claims, ingest, rejects

_CONNECTION = connect()
PARTED: dict[str, Any] = {
    "name": "parted",
    "columns": {"claim_id": "id", "amount": "amount"},
    "date_parts": {"received_at": {"year": "Year", "month": "Month", "week_of_month": "Week"}},
}


def text_of(year: str | None, month: str | None, day: str | None) -> object:
    sql = date_of_parts(DateParts(year="y", month="m", day="d"), {"y": "y", "m": "m", "d": "d"})
    query = f"SELECT {sql} FROM (SELECT ?::VARCHAR AS y, ?::VARCHAR AS m, ?::VARCHAR AS d)"
    ((found,),) = _CONNECTION.execute(query, [year, month, day]).fetchall()
    return found


@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)), st.sampled_from(["%m", "%b", "%B"]), st.sampled_from(["", ".0"]))
def test_a_date_is_put_together_from_its_parts(day: date, month: str, fraction: str) -> None:
    assert text_of(f"{day.year}{fraction}", day.strftime(month), f"{day.day}{fraction}") == day.isoformat()


@pytest.mark.parametrize(
    ("parts", "text"),
    [(("2024", "Smarch", "3"), "2024-Smarch-3"), (("0", "1", "3"), "0000-01-03"), ((None, "May", "3"), "May-3"),
     ((None, None, None), None), (("2024", "13", "1"), "2024-13-01")],
)  # fmt: skip
def test_parts_that_are_no_date_become_no_date(parts: tuple[str | None, ...], text: str | None) -> None:
    assert text_of(*parts) == text


def test_a_week_of_the_month_is_its_first_day(tmp_path: Path) -> None:
    rows = ["A,2024,Jan,1,5", "B,2024,february,3,5", "C,2024,12,5,5", "D,2024,Dec,9,5"]
    outcome = ingest(tmp_path, ["id,Year,Month,Week,amount", *rows], Mapping.model_validate(PARTED))
    assert [str(claim["received_at"].date()) for claim in claims(outcome)] == ["2024-01-01", "2024-02-15", "2024-12-28"]
    assert [(line, field) for line, field, *_ in rejects(outcome)] == [(5, "received_at")]


@pytest.mark.parametrize(
    "change",
    [
        {"date_parts": {"received_at": {"year": "Year"}}},
        {"date_parts": {"received_at": {"year": "Y", "month": "M", "day": "D", "week_of_month": "W"}}},
        {"columns": PARTED["columns"] | {"received_at": "day"}},
    ],
)
def test_an_incomplete_or_repeated_date_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=r"date_parts|month"):
        Mapping.model_validate(PARTED | change)


def test_a_draft_puts_the_date_together_and_says_that_the_amount_is_missing(tmp_path: Path) -> None:
    rows = [f"{('Jan', 'Dec')[n % 2]},{n % 5 + 1},{n},{1994 + n % 2},{int(n % 9 == 0)}" for n in range(60)]
    path = tmp_path / "c.csv"
    path.write_text("\n".join(["Month,WeekOfMonth,PolicyNumber,Year,FraudFound_P", *rows]))
    draft = suggest(path)
    (tmp_path / "m.yaml").write_text(draft.mapping)
    read = yaml.safe_load(draft.mapping)
    assert read["date_parts"] == {"received_at": {"year": "Year", "month": "Month", "week_of_month": "WeekOfMonth"}}
    assert read["constants"] == {"amount": "1"}
    assert set(draft.columns_used) == {"Month", "WeekOfMonth", "PolicyNumber", "Year", "FraudFound_P"}
    assert [note[:24] for note in draft.to_do] == ["no column looks like the"]
    with clock.held(datetime(2026, 6, 1, tzinfo=UTC)):
        outcome = ingest_csv(path, load_mapping(tmp_path / "m.yaml"), tmp_path / "out")
    assert (outcome.claims, outcome.fraud, outcome.rejected) == (60, 7, 0)
    assert {claim["amount_cents"] for claim in claims(outcome)} == {100}
