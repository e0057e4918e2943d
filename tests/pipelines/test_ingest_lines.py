"""Lines gathered into claims, and negative amounts that reduce or reverse them."""

from pathlib import Path

import pyarrow.parquet as pq

from pipelines.ingest import Mapping
from tests.pipelines.claims_files import LINE_ROWS, LINES, claims, ingest, rejects, simple


def test_lines_are_gathered_into_claims_whose_most_expensive_line_is_the_principal(tmp_path: Path) -> None:
    outcome = ingest(tmp_path, LINE_ROWS, Mapping.model_validate(LINES))
    (claim,) = claims(outcome)
    assert (claim["claim_id"], claim["procedure_code"], claim["amount_cents"]) == ("C1", "X1", 11_500)
    assert (claim["lines"], claim["units"]) == (4, 5)
    assert (str(claim["service_from"]), str(claim["service_to"])) == ("2025-01-02", "2025-01-03")
    lines = pq.read_table(outcome.folder / "claim_lines.parquet").to_pylist()
    assert [line["procedure_code"] for line in lines] == ["X1", "X2", "X3", "X4"]
    assert sum(line["amount_cents"] for line in lines) == claim["amount_cents"]


def test_a_claim_that_nets_to_zero_and_a_repeated_line_are_rejected(tmp_path: Path) -> None:
    outcome = ingest(tmp_path, LINE_ROWS, Mapping.model_validate(LINES))
    found = [(line, reason) for line, _, _, reason in sorted(rejects(outcome))]
    assert found == [
        (6, "an amount of zero for the whole claim"),
        (7, "an amount of zero for the whole claim"),
        (8, "a line of this claim that was already read"),
    ]


REVERSALS = [
    "id,day,npi,dx,amount",
    "A,2025-01-01,H,D,100.00",
    "A,2025-01-02,H,D,-100.00",
    "B,2025-01-03,H,D,50.00",
    "C,2025-01-04,H,D,80.00",
    "C,2025-01-05,H,D,(30.00)",
    "E,2025-01-06,H,D,-5.00",
]


def test_a_claim_that_another_row_reverses_is_not_taken_unless_they_are_netted(tmp_path: Path) -> None:
    refused = ingest(tmp_path, REVERSALS, simple())
    assert {claim["claim_id"]: claim["amount_cents"] for claim in claims(refused)} == {"B": 5_000}
    assert refused.reasons == {
        "amount: a negative amount (money.negative: net reduces its claim by it)": 3,
        "amount: reversed or reduced by a negative amount in another row of this claim (money.negative: net)": 2,
    }
    netted = ingest(tmp_path, REVERSALS, simple(money={"negative": "net"}))
    assert {claim["claim_id"]: claim["amount_cents"] for claim in claims(netted)} == {"B": 5_000, "C": 5_000}
    assert netted.reasons == {
        "amount: a claim that was reversed in full": 1,
        "amount: a reversal of a claim that is not here": 1,
    }
    assert "2 rows with a negative amount reduced or reversed their claims" in netted.notes


def test_lines_whose_claim_has_a_refused_negative_line_are_not_taken(tmp_path: Path) -> None:
    outcome = ingest(
        tmp_path, [*LINE_ROWS, "C3,1,2025-01-02,M1,X1,9.00,1"], Mapping.model_validate(LINES | {"money": {}})
    )
    assert [claim["claim_id"] for claim in claims(outcome)] == ["C3"]
