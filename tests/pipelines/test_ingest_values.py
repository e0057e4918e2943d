"""Values of a file: amounts, identifiers, codes and dates as they become those of a claim."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.ingest import Mapping
from tests.pipelines.claims_files import HEADER, claims, ingest, mapping, rejects, simple


def test_a_naive_timestamp_is_rejected_until_the_mapping_names_the_zone(tmp_path: Path) -> None:
    rows = [HEADER, "A1,2024-12-31 23:30:00,H1,P1,5,N", "A2,2024-12-31,H1,P1,5,N"]
    formats = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d"]
    naive = ingest(tmp_path, rows, mapping(dates={"formats": formats}))
    assert "a time without a zone" in rejects(naive)[0][3]
    zoned = ingest(tmp_path, rows, mapping(dates={"formats": formats, "timezone": "Africa/Nairobi"}))
    times = {row["claim_id"]: row["received_at"] for row in claims(zoned)}
    assert times["A1"] == datetime(2024, 12, 31, 20, 30, tzinfo=UTC)


def test_service_before_birth_after_receipt_or_backwards_is_rejected(tmp_path: Path) -> None:
    columns = {"amount": "a", "received_at": "r", "service_from": "f", "service_to": "t", "birth_date": "b"}
    rows = [
        "r,f,t,b,a",
        "2025-02-01,2025-01-01,2025-01-05,1980-06-01,5",
        "2025-02-01,2025-01-05,2025-01-01,1980-06-01,5",
        "2025-02-01,2025-01-01,2025-03-01,1980-06-01,5",
        "2025-02-01,2025-01-01,2025-01-05,2025-01-04,5",
    ]
    outcome = ingest(tmp_path, rows, Mapping.model_validate({"name": "order", "columns": columns}))
    assert [(line, field, reason) for line, field, _, reason in rejects(outcome)] == [
        (3, "service_to", "before service_from"),
        (4, "service_to", "after receipt"),
        (5, "birth_date", "after the service"),
    ]
    (claim,) = claims(outcome)
    assert (claim["claim_id"], claim["age_years"]) == ("L2", 44)


def test_a_procedure_may_be_a_description(tmp_path: Path) -> None:
    outcome = ingest(tmp_path, [HEADER, "A1,01/02/2025,H1,Knee replacement surgery,80,N"])
    assert claims(outcome)[0]["procedure_code"] == "Knee replacement surgery"


def test_an_id_exported_as_a_float_is_restored(tmp_path: Path) -> None:
    rows = ["A,2025-01-01,1234567893,E11.9,5", "B,2025-01-02,1234567893.0,E11.9,5", "C,2025-01-02,1.23457E+09,E11.9,5"]
    outcome = ingest(tmp_path, ["id,day,npi,dx,amount", *rows], simple())
    assert [claim["provider_id"] for claim in claims(outcome)] == ["1234567893"] * 2
    assert [(line, field, reason[:24]) for line, field, _, reason in rejects(outcome)] == [
        (4, "provider_id", "rounded to an exponent, ")
    ]


def test_diagnosis_codes_are_compared_without_dot_and_case(tmp_path: Path) -> None:
    codes = ["E11.9", "E119", "e11.9", "E11.9 ", "Type 2 diabetes, cf. E11.9"]
    rows = [f'A{n},2025-01-01,H1,"{code}",5' for n, code in enumerate(codes)]
    outcome = ingest(tmp_path, ["id,day,npi,dx,amount", *rows], simple())
    assert [claim["diagnosis_code"] for claim in claims(outcome)] == ["E119"] * 4 + ["Type 2 diabetes, cf. E11.9"]


def test_a_birth_year_of_two_digits_is_the_last_one_before_the_service(tmp_path: Path) -> None:
    columns = {"claim_id": "id", "received_at": "day", "birth_date": "born", "amount": "amount"}
    using = Mapping.model_validate(
        {"name": "short", "columns": columns, "dates": {"formats": ["%Y-%m-%d", "%m/%d/%y"]}}
    )
    born = {"03/04/45": 80, "03/04/70": 55, "03/05/25": 99, "03/04/68": 57, "01/01/25": 0, "1930-01-01": 95}
    rows = [f"{n},2025-03-04,{day},5" for n, day in enumerate(born)]
    outcome = ingest(tmp_path, ["id,day,born,amount", *rows], using)
    assert outcome.rejected == 0
    ages = {claim["claim_id"]: claim["age_years"] for claim in claims(outcome)}
    assert ages == {str(n): age for n, age in enumerate(born.values())}


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        ("12.345", 1235),
        ("2.675", 268),
        ("12.355", 1236),
        ("12.34499999999999999999", 1234),
        ("12.345000000000000000000001", 1235),
        ("0.005", 1),
        ("1e3", 100_000),
    ],
)
def test_an_amount_is_rounded_once_half_a_cent_away_from_zero(tmp_path: Path, text: str, cents: int) -> None:
    outcome = ingest(tmp_path, ["id,day,npi,dx,amount", f"A,2025-01-01,H,D,{text}"], simple(money={"round": True}))
    assert claims(outcome)[0]["amount_cents"] == cents


def test_an_amount_that_rounds_to_zero_is_rejected_with_its_reason(tmp_path: Path) -> None:
    rows = ["A,2025-01-01,H,D,0.004", "B,2025-01-01,H,D,5"]
    outcome = ingest(tmp_path, ["id,day,npi,dx,amount", *rows], simple(money={"round": True}))
    assert [reason for *_, reason in rejects(outcome)] == ["less than half a cent"]
