"""Claims that arrive after the end of the simulated history."""

from datetime import date, datetime
from typing import TypedDict, cast

import pyarrow as pa

from pipelines.simulate.insurer import Insurer


class UpcomingLine(TypedDict):
    """One line of a claim: the columns of the lines frame without `claim_id`."""

    line: int
    procedure_code: str
    service_date: date
    units: int
    amount_cents: int


class UpcomingClaim(TypedDict):
    """One claim to submit: the columns of the claims frame, and its lines."""

    claim_id: str
    received_at: datetime
    service_from: date
    service_to: date
    member_id: str
    provider_id: str
    procedure_code: str
    diagnosis_code: str
    place_of_service: str
    region: str
    specialty: str
    age_years: int
    sex: str
    amount_cents: int
    units: int
    lines: int
    diagnoses: int
    benefit_limit_cents: int | None
    voided_at: datetime | None
    replaces: str | None
    line_items: list[UpcomingLine]


def next_claims(insurer: Insurer, first: int, count: int) -> list[UpcomingClaim]:
    """Claims `first` to `first + count` of those that arrive after the end, in order."""
    rows = insurer.upcoming.slice(first, count).to_pylist()
    lengths = insurer.upcoming.column("lines").to_numpy()
    skipped, taken = int(lengths[:first].sum()), int(lengths[first : first + count].sum())
    lines: pa.Table = insurer.upcoming_lines.slice(skipped, taken)
    by_claim: dict[str, list[UpcomingLine]] = {}
    for line in lines.to_pylist():
        by_claim.setdefault(line.pop("claim_id"), []).append(cast("UpcomingLine", line))
    return [cast("UpcomingClaim", {**row, "line_items": by_claim[row["claim_id"]]}) for row in rows]
