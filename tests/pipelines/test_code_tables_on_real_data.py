"""The edits against published tables on a payer's claims; skipped where the data are absent (GINJA_DATA_DIR)."""

import csv
import os
from collections import defaultdict
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from claims.adjudication.code_edits import code_findings
from claims.claim import Claim, ClaimLine
from claims.code_tables import TableKind, TablesInForce
from pipelines.code_tables import read_table


def data() -> Path:
    folder = Path(os.environ.get("GINJA_DATA_DIR", ""))
    if not (folder / "tuva").exists():
        pytest.skip(f"the real data are not in {folder}; set GINJA_DATA_DIR")
    return folder


def claims_of(folder: Path):
    """Claims with the NPI that bills them, of lines with a procedure and units."""
    lines = defaultdict(list)
    with (folder / "tuva" / "medical_claim_sample.csv").open() as file:
        for row in csv.DictReader(file):
            if row["hcpcs_code"] and float(row["service_unit_quantity"] or 0) >= 1:
                npi = row["rendering_npi"] or row["billing_npi"] or row["facility_npi"]
                lines[row["claim_id"], npi].append(row)
    for (claim_id, npi), rows in lines.items():
        day = min(date.fromisoformat(row["claim_start_date"]) for row in rows)
        yield (
            npi,
            Claim(
                claim_id=claim_id,
                received_at=datetime(2026, 1, 1, tzinfo=UTC),
                received_on=date(2026, 1, 1),
                member_id="M1",
                provider_id=npi,
                diagnosis_codes=("X",),
                lines=tuple(ClaimLine(row["hcpcs_code"], 1, int(float(row["service_unit_quantity"]))) for row in rows),
                service_from=day,
                service_to=day,
            ),
        )


def test_the_lines_over_their_limit_are_those_that_the_tables_name_and_no_others():
    folder = data()
    limits = {entry.code: entry for entry in read_table(TableKind.MUE, folder / "reference" / "ncci_mue.json").entries}
    found = 0
    for npi, claim in claims_of(folder):
        known = [limits[line.procedure_code] for line in claim.lines if line.procedure_code in limits]
        in_force = TablesInForce.of((claim.service_from, TableKind.MUE, "2026Q4", entry) for entry in (None, *known))
        found += len(list(code_findings(claim, npi, in_force)))
    assert found == 46


def test_the_claims_of_excluded_providers_are_those_that_the_list_names_and_no_others():
    folder = data()
    listed = {
        entry.code: entry for entry in read_table(TableKind.LEIE, folder / "reference" / "leie_npis.json").entries
    }
    found = set()
    for npi, claim in claims_of(folder):
        entries = [listed[npi]] if npi in listed else []
        in_force = TablesInForce.of(
            (claim.service_from, TableKind.LEIE, "2026-11", entry) for entry in (None, *entries)
        )
        if any(finding.code == "provider_on_exclusion_list" for finding in code_findings(claim, npi, in_force)):
            found.add((claim.claim_id, npi))
    assert len(found) == 8
    assert len({npi for _, npi in found}) == 7
