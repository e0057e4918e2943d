"""Claims of a data set as they would be submitted: claim, member, provider, codes, and the state of its history."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from claims.attributes import AttributeValue
from claims.claim import Claim, ClaimLine, InvalidClaim
from claims.plausibility import (
    PriceReference,
    References,
    ReferenceScope,
    procedure_averages_sql,
    reference_statistics_sql,
)
from claims.reference import Diagnosis, Limits, Member, Procedure, Provider
from claims.scoring import CLAIM_COLUMNS, ClaimFacts
from features.declare import CLAIMS, VIEWS, Row, View
from features.declare import RowKind as ViewKind
from features.feast import historical_features
from features.vector import Reading, wire_values
from pipelines.datasets import SIMULATED, Source
from pipelines.duck import connect
from pipelines.reference import CLAIM_LINES

UNKNOWN = "?"
"""Stands for an identifier or code that the source does not have."""


@dataclass(frozen=True, slots=True)
class Submission:
    """One claim with everything known about it before it is decided."""

    claim: Claim
    facts: ClaimFacts
    reading: Reading
    member: Member
    provider: Provider
    fraud: bool


@dataclass(frozen=True, slots=True)
class SourceCatalogue:
    """Procedures and diagnoses of the source, and the statistics of the year before a day."""

    as_of: date
    procedures: Mapping[str, Procedure]
    """With the averages the 2× rule compares with."""
    diagnoses: Mapping[str, Diagnosis]
    prices: Mapping[tuple[ReferenceScope, str], Sequence[PriceReference]]
    """(scope, provider or region) → its references."""

    def references(self, claim: Claim, provider: Provider) -> References:
        """The price references for a claim, as the API looks them up."""
        codes = {line.procedure_code for line in claim.lines}
        places = (
            (ReferenceScope.PROVIDER, provider.provider_id),
            (ReferenceScope.REGION, provider.region or ""),
            (ReferenceScope.PROCEDURE, ""),
            (ReferenceScope.HISTORY, provider.provider_id),
        )
        return References.of(
            row
            for place in places
            for row in self.prices.get(place, ())
            if row.scope is ReferenceScope.HISTORY or row.procedure_code in codes
        )

    def procedure(self, code: str) -> Procedure:
        """A procedure of the catalogue; one without price or limits where the catalogue does not have it."""
        return self.procedures.get(code) or Procedure(code)

    def diagnosis(self, code: str) -> Diagnosis:
        """A diagnosis of the catalogue; one without limits where the catalogue does not have it."""
        return self.diagnoses.get(code) or Diagnosis(code)


@dataclass(frozen=True, slots=True)
class Submissions:
    """Claims to decide, in the order of the request."""

    claims: tuple[Submission, ...]
    not_submittable: int
    """Rows that the API would refuse (no amount, service after receipt), left out."""


class SourceFrames:
    """The frames of a data set beside its claims; a frame that the source lacks is empty."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._folder = source.home / "data" if source.name == SIMULATED else source.home

    def rows(self, name: str) -> list[dict[str, Any]]:
        """The rows of one frame."""
        path = self._path(name)
        return pq.read_table(path).to_pylist() if path.exists() else []

    def lines(self) -> pa.Table:
        """Lines of claims; a claim without lines has one, of its principal procedure."""
        path = self._path("claim_lines")
        return pq.read_table(path) if path.exists() else CLAIM_LINES.empty_table()

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.parquet"


def read_submissions(source: Source, table: pa.Table, fraud: NDArray[np.bool_]) -> Submissions:
    """Read the claims of `table`, with their labels `fraud`, and their history as of their receipt.

    The offline features of the source must be built. Rows that could not be submitted are counted, not returned.
    """
    frames = SourceFrames(source)
    claims = table.select(CLAIMS.names)
    lines = _lines_of(frames.lines(), claims["claim_id"])
    plans = {row["plan_id"]: row["benefit_limit_cents"] for row in frames.rows("plans")}
    members = {row["member_id"]: _member(row, plans) for row in frames.rows("members")}
    providers = {row["provider_id"]: _provider(row) for row in frames.rows("providers")}
    found, refused = [], 0
    states = (reading for batch in historical_features(source.home, claims) for reading in _readings(batch))
    attributes: list[dict[str, AttributeValue]] = [{} for _ in range(len(claims))]
    if source.attributes is not None:
        attributes = wire_values(source.attributes.of(claims["claim_id"]))
    for row, own, reading, label in zip(claims.to_pylist(), attributes, states, fraud.tolist(), strict=True):
        member = members.get(row["member_id"]) or Member(row["member_id"] or UNKNOWN)
        provider = providers.get(row["provider_id"]) or Provider(
            row["provider_id"] or UNKNOWN, row["specialty"], row["region"]
        )
        try:
            claim = _claim(row, lines.get(row["claim_id"], ()))
            facts = _facts(row, claim, own)
        except (InvalidClaim, ValueError):
            refused += 1
            continue
        found.append(Submission(claim, facts, reading, member, provider, bool(label)))
    return Submissions(tuple(found), refused)


def read_catalogue(source: Source, as_of: date) -> SourceCatalogue:
    """The catalogue with the statistics of the year before `as_of`, by the queries the database runs."""
    frames = SourceFrames(source)
    with connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("history_claims", source.claims)
        connection.register("history_lines", frames.lines())
        statistics = connection.sql(
            reference_statistics_sql(as_of, claims="history_claims", lines="history_lines")
        ).fetchall()
        averages = {
            code: (cents, claims)
            for code, cents, claims in connection.sql(procedure_averages_sql(as_of, claims="history_claims")).fetchall()
        }
    prices: dict[tuple[ReferenceScope, str], list[PriceReference]] = defaultdict(list)
    for code, principal, scope, entity, claims, median, spread, high, day in statistics:
        reference = PriceReference(code, principal, ReferenceScope(scope), entity, claims, median, spread, high, day)
        prices[(reference.scope, entity)].append(reference)
    listed = {row["procedure_code"]: row for row in frames.rows("procedures")}
    procedures = {
        code: _procedure(code, listed.get(code, {}), averages.get(code)) for code in {*listed, *averages} if code
    }
    diagnoses = {
        row["diagnosis_code"]: Diagnosis(row["diagnosis_code"], _limits(row)) for row in frames.rows("diagnoses")
    }
    return SourceCatalogue(as_of, procedures, diagnoses, prices)


def _procedure(code: str, row: Mapping[str, Any], average: tuple[int, int] | None) -> Procedure:
    cents, claims = average or (None, 0)
    return Procedure(
        code,
        _limits(row),
        max_units=row.get("max_units"),
        typical_cents=row.get("typical_cents"),
        average_cents=cents,
        average_claims=claims,
    )


def _limits(row: Mapping[str, Any]) -> Limits:
    return Limits(row.get("sex"), row.get("min_age_years"), row.get("max_age_years"))


def _member(row: Mapping[str, Any], plans: Mapping[str, int | None]) -> Member:
    return Member(
        row["member_id"],
        row["birth_date"],
        row["sex"],
        row["enrolled_from"],
        row["enrolled_to"],
        plans.get(row["plan_id"]),
    )


def _provider(row: Mapping[str, Any]) -> Provider:
    return Provider(
        row["provider_id"],
        row["specialty"],
        row["region"],
        row["active_from"],
        row["active_to"],
        row["excluded_from"],
    )


def _lines_of(lines: pa.Table, claim_ids: pa.ChunkedArray) -> dict[str, list[ClaimLine]]:
    import pyarrow.compute as pc

    found: dict[str, list[ClaimLine]] = defaultdict(list)
    for row in lines.filter(pc.is_in(lines["claim_id"], value_set=claim_ids.combine_chunks())).to_pylist():
        line = ClaimLine(
            row["procedure_code"] or UNKNOWN, row["amount_cents"] or 0, row["units"] or 1, row["service_date"]
        )
        found[row["claim_id"]].append(line)
    return found


def _claim(row: Mapping[str, Any], lines: Sequence[ClaimLine]) -> Claim:
    own = tuple(lines) or (ClaimLine(row["procedure_code"] or UNKNOWN, row["amount_cents"], row["units"] or 1),)
    return Claim(
        claim_id=row["claim_id"],
        received_at=row["received_at"],
        received_on=max(row["received_at"].date(), row["service_to"]),  # checked when the file was loaded
        member_id=row["member_id"] or UNKNOWN,
        provider_id=row["provider_id"] or UNKNOWN,
        diagnosis_codes=(row["diagnosis_code"] or UNKNOWN,),
        lines=own,
        service_from=row["service_from"],
        service_to=row["service_to"],
        place_of_service=row["place_of_service"],
    )


def _facts(row: Mapping[str, Any], claim: Claim, attributes: Mapping[str, AttributeValue]) -> ClaimFacts:
    """The fields of the frame, completed from the claim where the frame lacks them."""
    given = {name: row[name] for name in CLAIM_COLUMNS} | {"attributes": attributes}
    given |= {
        "member_id": claim.member_id,
        "provider_id": claim.provider_id,
        "procedure_code": row["procedure_code"] or UNKNOWN,
        "diagnosis_code": claim.diagnosis_code,
        "units": row["units"] or claim.units,
        "lines": row["lines"] or len(claim.lines),
        "diagnoses": row["diagnoses"] or len(claim.diagnosis_codes),
    }
    return ClaimFacts.model_validate(given)


def _readings(batch: pa.Table) -> Iterator[Reading]:
    """The states of each claim of a batch of the offline join, as the scorer reads them online."""
    columns = {view.name: [batch[view.column(field)].to_pylist() for field in view.fields] for view in VIEWS}
    for place in range(len(batch)):
        states = {view.name: _row(view, [column[place] for column in columns[view.name]]) for view in VIEWS}
        yield Reading(states, dict.fromkeys(states), ())


def _row(view: View, values: Sequence[Any]) -> Row | None:
    """A key without history has the row of zeros; a missing weekly row is unknown."""
    if values[0] is None:
        return None if view.kind is ViewKind.WEEKLY else view.zeros
    row: list[int] = []
    for field, value in zip(view.fields, values, strict=True):
        if field.is_array:
            row.extend(int(one) for one in value)
        else:
            row.append(int(value or 0))
    return tuple(row)
