"""Rows that void or replace a claim withdraw it, or are rejected with the reason; none is a claim by mistake."""

from pathlib import Path
from typing import Any

import pytest

from pipelines.ingest import IngestSummary, Mapping, suggest
from tests.pipelines.claims_files import claims, ingest, rejects

BASE: dict[str, Any] = {
    "name": "corrected",
    "columns": {"claim_id": "id", "received_at": "day", "amount": "billed", "replaces": "original", "label": "fraud"},
    "frequency_code": {"column": "freq"},
}
HEADER = "id,day,billed,original,freq,fraud"
FIRST = "A,2025-01-01,100.00,,1,0"


def read(tmp_path: Path, *rows: str, **changes: Any) -> tuple[IngestSummary, dict[str, Any]]:
    outcome = ingest(tmp_path, [HEADER, *rows], Mapping.model_validate(BASE | changes))
    return outcome, {row["claim_id"]: row for row in claims(outcome)}


def voided(found: dict[str, Any], claim: str) -> str | None:
    at = found[claim]["voided_at"]
    return at.date().isoformat() if at else None


@pytest.mark.parametrize(
    ("row", "kept"),
    [
        ("V,2025-02-01,-100.00,A,8,0", ["A"]),
        ("V,2025-02-01,0,A,08,0", ["A"]),
        ("V,2025-02-01,,A,8,0", ["A"]),
        ("A,2025-02-01,-100.00,,8,0", ["A"]),
        ("B,2025-02-01,80.00,A,7,0", ["A", "B"]),
    ],
)
def test_a_void_or_replacement_withdraws_its_claim_when_it_is_received(
    tmp_path: Path, row: str, kept: list[str]
) -> None:
    outcome, found = read(tmp_path, FIRST, row)
    assert sorted(found) == kept
    assert voided(found, "A") == "2025-02-01"
    assert found["A"]["amount_cents"] == 100_00
    assert outcome.rejected == 0
    assert any("1 claims are voided" in note for note in outcome.notes)


def test_no_claim_is_voided_before_it_was_received(tmp_path: Path) -> None:
    _, found = read(tmp_path, FIRST, "V,2024-12-01,-100,A,8,0")
    assert voided(found, "A") == "2025-01-01"


def test_the_earliest_of_several_corrections_counts(tmp_path: Path) -> None:
    rows = ("B,2025-03-01,80,A,7,0", "C,2025-02-01,90,A,7,0", "V,2025-04-01,-80,B,8,0")
    _, found = read(tmp_path, FIRST, *rows)
    assert [voided(found, claim) for claim in "ABC"] == ["2025-02-01", "2025-04-01", None]
    assert found["B"]["replaces"] == "A"


def test_a_correction_of_no_claim_is_named(tmp_path: Path) -> None:
    outcome, found = read(tmp_path, FIRST, "V,2025-02-01,-9,X,8,0", "W,2025-02-01,9,,7,0", "B,2025-02-01,9,Y,7,0")
    assert [(field, reason) for _, field, _, reason in rejects(outcome)] == [
        ("replaces", "voids a claim that is not in the file"),
        ("replaces", "no claim that it replaces"),
    ]
    assert sorted(found) == ["A", "B"]
    assert "1 claims replace a claim that is not in the file" in outcome.notes


def test_an_original_number_of_other_rows_does_not_count(tmp_path: Path) -> None:
    _, found = read(tmp_path, FIRST, "B,2025-02-01,9,A,1,0")
    assert (voided(found, "A"), found["B"]["replaces"]) == (None, None)


def test_without_a_frequency_code_a_claim_replaces_the_one_it_refers_to(tmp_path: Path) -> None:
    _, found = read(tmp_path, "A,2025-01-01,9,A,1,0", "B,2025-02-01,9,A,1,0", frequency_code=None)
    assert (voided(found, "A"), voided(found, "B"), found["A"]["replaces"]) == ("2025-02-01", None, None)


def test_the_lines_of_a_void_withdraw_the_claim(tmp_path: Path) -> None:
    rows = (FIRST, "A,2025-01-01,50.00,,1,0", "V,2025-02-01,-100.00,A,8,0", "V,2025-02-01,-50.00,A,8,0")
    outcome, found = read(tmp_path, *rows, rows="lines")
    assert (sorted(found), voided(found, "A"), found["A"]["amount_cents"]) == (["A"], "2025-02-01", 150_00)
    assert outcome.rejected == 0


def test_a_frequency_code_needs_the_claim_that_is_referred_to() -> None:
    with pytest.raises(ValueError, match="frequency_code needs columns to map replaces"):
        Mapping.model_validate(BASE | {"columns": {"received_at": "day", "amount": "billed"}})


def test_a_draft_maps_frequency_codes_and_the_original_claim(tmp_path: Path) -> None:
    path = tmp_path / "claims.csv"
    head = "claim_id,date,amount,original_claim_id,claim_frequency_code"
    rows = [
        f"C{n},2025-01-{n % 28 + 1:02},{n + 1},{'' if n % 9 else f'C{n // 2}'},{1 if n % 9 else 7}" for n in range(60)
    ]
    path.write_text("\n".join([head, *rows]))
    draft = suggest(path)
    assert draft.columns_used["original_claim_id"] == "replaces"
    assert draft.columns_used["claim_frequency_code"] == "frequency_code"
    assert "frequency_code:" in draft.mapping
