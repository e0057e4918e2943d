"""Read past claims of a data set into columns, with the prices of the year before a day."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from claims.plausibility import ReferenceScope, procedure_averages_sql, reference_statistics_sql
from claims.rule import FACTOR, MIN_CLAIMS
from core import clock
from pipelines.datasets import SIMULATED, Source
from pipelines.duck import connect
from pipelines.policies.columns import (
    NO_TEXT,
    ClaimColumns,
    Codes,
    Flags,
    Floats,
    LineColumns,
    TextColumn,
    floats,
    integers,
    micros,
)
from pipelines.policies.eligibility import FixedEdits, fixed_edits
from pipelines.policies.references import ScopeLookup, provider_claims, rows_of
from pipelines.reference import CLAIM_LINES


@dataclass(frozen=True, slots=True)
class ReplayedHistory:
    """Past claims to decide."""

    claims: ClaimColumns
    first_day: date
    last_day: date
    prices_as_of: date
    """The day whose year before has the prices."""
    not_submittable: int
    """Rows that the API would refuse, and voided claims, left out."""

    @property
    def weeks(self) -> float:
        """Length of the period, at least one day."""
        return ((self.last_day - self.first_day).days + 1) / 7


class NothingToReplay(ValueError):
    """A data set has no claims that could be decided."""

    exit_code = 2


class Frames:
    """The frames of a data set beside its claims; one that the source lacks is empty."""

    def __init__(self, source: Source) -> None:
        self._folder = source.home / "data" if source.name == SIMULATED else source.home

    def table(self, name: str, empty: pa.Schema) -> pa.Table:
        """A frame with at least the columns of `empty`."""
        path = self._folder / f"{name}.parquet"
        found = pq.read_table(path) if path.exists() else empty.empty_table()
        for one in empty:
            if one.name not in found.column_names:
                found = found.append_column(one, pa.nulls(len(found), one.type))
        return found


_TEXT, _DAY, _COUNT = pa.string(), pa.date32(), pa.int64()
_MEMBERS = pa.schema(
    {"member_id": _TEXT, "birth_date": _DAY, "sex": _TEXT, "plan_id": _TEXT}
    | dict.fromkeys(("enrolled_from", "enrolled_to"), _DAY)
)
_PROVIDERS = pa.schema(
    dict.fromkeys(("provider_id", "specialty", "region"), _TEXT)
    | dict.fromkeys(("active_from", "active_to", "excluded_from"), _DAY)
)
_LIMITS = [("sex", _TEXT), ("min_age_years", pa.int32()), ("max_age_years", pa.int32())]
_PROCEDURES = pa.schema([("procedure_code", _TEXT), ("typical_cents", _COUNT), ("max_units", pa.int32()), *_LIMITS])
_DIAGNOSES = pa.schema([("diagnosis_code", _TEXT), *_LIMITS])
_PLANS = pa.schema([("plan_id", _TEXT), ("name", _TEXT)])


def read_history(source: Source, *, most: int, scores: pa.Table | None = None) -> ReplayedHistory:
    """The newest claims of a data set, at most `most`, in order of receipt.

    `scores` has claim_id, probability and flagged; a claim that it lacks has no score. Raises `NothingToReplay`.
    """
    claims = source.claims.slice(max(0, source.claims.num_rows - most))
    asked = claims.num_rows
    frames = Frames(source)
    claims = claims.filter(_is_decidable(claims))
    lines = _lines_of(claims, frames.table("claim_lines", CLAIM_LINES))
    bad = np.unique(lines.claim[(lines.amount <= 0) | (lines.units < 1)])
    if len(bad):
        kept = np.ones(claims.num_rows, np.bool_)
        kept[bad] = False
        claims = claims.filter(pa.array(kept))
        lines = _lines_of(claims, frames.table("claim_lines", CLAIM_LINES))
    if not claims.num_rows:
        raise NothingToReplay(f"{source.name} has no claims that could be decided")
    received = micros(claims["received_at"])
    last = clock.from_micros(int(received.max())).date()
    as_of = last + timedelta(days=1)
    with ThreadPoolExecutor(1) as beside:  # DuckDB computes without the interpreter's lock
        statistics = beside.submit(_statistics, source, frames, as_of)
        columns = _columns(claims, lines, frames, statistics.result, scores)
    first = clock.from_micros(int(received.min())).date()
    return ReplayedHistory(columns, first, last, as_of, asked - claims.num_rows)


def _is_decidable(claims: pa.Table) -> pa.ChunkedArray:
    """Not voided, with an amount, and with days in order."""
    amount = pc.fill_null(pc.greater(claims["amount_cents"], 0), False)
    in_order = pc.fill_null(pc.less_equal(claims["service_from"], claims["service_to"]), False)
    return pc.and_(pc.and_(amount, in_order), pc.is_null(claims["voided_at"]))


@dataclass(frozen=True, slots=True)
class _Lines:
    claim: Codes
    code: pa.ChunkedArray
    amount: Floats
    units: Floats


def _lines_of(claims: pa.Table, frame: pa.Table) -> _Lines:
    """The lines of the claims in their order; a claim without lines has one, of its principal procedure."""
    row = pc.index_in(frame["claim_id"], value_set=claims["claim_id"].combine_chunks())
    known = pc.is_valid(row)
    frame, rows = frame.filter(known), integers(row.filter(known), missing=-1)
    has_lines = np.zeros(claims.num_rows, np.bool_)
    has_lines[rows] = True
    alone = np.flatnonzero(~has_lines)
    own = claims.take(pa.array(alone))
    code = pa.chunked_array(
        [*pc.cast(frame["procedure_code"], _TEXT).chunks, *pc.cast(own["procedure_code"], _TEXT).chunks], _TEXT
    )
    amount = np.concatenate([np.nan_to_num(floats(frame["amount_cents"])), floats(own["amount_cents"])])
    units = np.concatenate([_or_one(floats(frame["units"])), _or_one(floats(own["units"]))])
    claim = np.concatenate([rows, alone])
    order = np.argsort(claim, kind="stable")
    return _Lines(claim[order], pc.fill_null(code, NO_TEXT).take(pa.array(order)), amount[order], units[order])


def _or_one(column: Floats) -> Floats:
    found: Floats = np.where(np.isnan(column) | (column == 0), 1.0, column)
    return found


_Statistics: TypeAlias = tuple[pa.Table, dict[str, tuple[int, int]]]
"""The price references, and the averages of the 2× rule: procedure → cents, claims."""


def _columns(
    claims: pa.Table,
    lines: _Lines,
    frames: Frames,
    computed: Callable[[], _Statistics],
    scores: pa.Table | None,
) -> ClaimColumns:
    count = claims.num_rows
    members, providers = frames.table("members", _MEMBERS), frames.table("providers", _PROVIDERS)
    procedures, diagnoses = frames.table("procedures", _PROCEDURES), frames.table("diagnoses", _DIAGNOSES)
    member = pc.index_in(claims["member_id"], value_set=members["member_id"].combine_chunks())
    provider = pc.index_in(claims["provider_id"], value_set=providers["provider_id"].combine_chunks())
    amount: Floats = np.bincount(lines.claim, lines.amount, count).astype(np.float64)
    principal = _principal(lines, count)
    codes = TextColumn.of(lines.code)
    code_of_claim = codes.codes[principal]
    same = codes.codes == code_of_claim[lines.claim]
    listed = rows_of(codes.values, procedures["procedure_code"])
    typical = _of_index(floats(procedures["typical_cents"]), listed)[codes.codes]
    max_units = _of_index(floats(procedures["max_units"]), listed)[codes.codes]
    region = _or_own(claims["region"], providers["region"], provider)
    provider_text = TextColumn.of(claims["provider_id"])
    billed = _billed(lines, codes)
    fixed = fixed_edits(
        FixedEdits(
            claim=lines.claim,
            claims=claims,
            members=members,
            providers=providers,
            procedures=procedures,
            diagnoses=diagnoses,
            member=member,
            provider=provider,
            listed=listed[codes.codes],
            over_limit=billed > np.nan_to_num(max_units, nan=np.inf),
        )
    )
    groups = _groups(claims, members, frames.table("plans", _PLANS), member)
    statistics, averages = computed()
    scopes = ScopeLookup(statistics, codes, same)
    own = LineColumns(
        claim=lines.claim,
        price=lines.amount / lines.units,
        principal=same,
        billed=billed,
        typical=typical,
        max_units=max_units,
        provider=scopes.of(ReferenceScope.PROVIDER, provider_text, lines.claim),
        region=scopes.of(ReferenceScope.REGION, region, lines.claim),
        procedure=scopes.of(ReferenceScope.PROCEDURE, None, lines.claim),
    )
    probability, flagged = _scores(claims, scores)
    return ClaimColumns(
        table=claims,
        amount=amount,
        rule_flagged=_rule(amount, lines.units[principal], typical[principal], averages, codes, code_of_claim),
        probability=probability,
        model_flagged=flagged,
        provider_claims=provider_claims(statistics, provider_text),
        lines=own,
        edits=fixed.findings,
        rejected=fixed.rejected,
        groups=groups,
    )


def _statistics(source: Source, frames: Frames, as_of: date) -> _Statistics:
    """The statistics of the year before a day."""
    with connect(threads=os.cpu_count() or 1) as connection:
        connection.register("history_claims", source.claims)
        connection.register("history_lines", frames.table("claim_lines", CLAIM_LINES))
        statistics = connection.sql(
            reference_statistics_sql(as_of, claims="history_claims", lines="history_lines")
        ).to_arrow_table()
        averages = connection.sql(procedure_averages_sql(as_of, claims="history_claims")).fetchall()
    return statistics, {code: (cents, number) for code, cents, number in averages if code is not None}


def _principal(lines: _Lines, count: int) -> Codes:
    """The line with the highest amount of each claim; the first one on a tie."""
    order = np.lexsort((np.arange(len(lines.claim)), -lines.amount, lines.claim))
    first = np.searchsorted(lines.claim[order], np.arange(count))
    return order[first]


def _billed(lines: _Lines, codes: TextColumn) -> Floats:
    """Units of each line's procedure over all lines of its claim."""
    key = lines.claim * len(codes.values) + codes.codes
    _, inverse = np.unique(key, return_inverse=True)
    found: Floats = np.bincount(inverse, lines.units).astype(np.float64)[inverse]
    return found


def _of_index(column: Floats, index: Codes) -> Floats:
    """The values at rows; NaN where the row is -1."""
    return np.append(column, np.nan)[index]


def _or_own(own: pa.ChunkedArray, column: pa.ChunkedArray, index: pa.ChunkedArray) -> TextColumn:
    """A text of the provider's row; of a provider without one that of the claim."""
    stored = column.take(index)
    return TextColumn.of(pa.chunked_array([pc.if_else(pc.is_valid(index), stored, own).combine_chunks()]))


def _rule(
    amount: Floats,
    units: Floats,
    typical: Floats,
    averages: dict[str, tuple[int, int]],
    codes: TextColumn,
    code_of_claim: Codes,
) -> Codes:
    """The 2× rule: 1 flagged, 0 not, -1 cannot be applied."""
    usable = [averages.get(code, (0, 0)) for code in codes.values]
    average = np.array([cents if number >= MIN_CLAIMS and cents else np.nan for cents, number in usable] or [np.nan])
    compared = average[code_of_claim]
    with np.errstate(invalid="ignore"):
        compared = np.where(np.isnan(compared) & (typical > 0), typical * units, compared)
        return np.where(np.isnan(compared), -1, (amount > FACTOR * compared).astype(np.int64))


def _scores(claims: pa.Table, scores: pa.Table | None) -> tuple[Floats, Flags]:
    if scores is None:
        return np.full(claims.num_rows, np.nan), np.zeros(claims.num_rows, np.bool_)
    index = integers(pc.index_in(claims["claim_id"], value_set=scores["claim_id"].combine_chunks()), missing=-1)
    flags = np.append(scores["flagged"].to_numpy().astype(np.bool_), False)[index]
    return np.append(floats(scores["probability"]), np.nan)[index], flags


_AGES = ("0-17", "18-39", "40-64", "65 and over", "unknown")


def _groups(claims: pa.Table, members: pa.Table, plans: pa.Table, member: pa.ChunkedArray) -> dict[str, TextColumn]:
    plan_id = members["plan_id"].take(member)
    named = plans["name"].take(pc.index_in(plan_id, value_set=plans["plan_id"].combine_chunks()))
    plan = TextColumn.of(pc.fill_null(pc.coalesce(named, plan_id), "unknown"))
    age = floats(claims["age_years"])
    band = np.where(np.isnan(age), 4, np.searchsorted([18, 40, 65], age, side="right"))
    found = {"plan": plan, "age": TextColumn(band.astype(np.int64), _AGES)}
    for name in ("specialty", "region", "sex"):
        found[name] = TextColumn.of(pc.fill_null(claims[name], "unknown"))
    found["provider"] = TextColumn.of(pc.fill_null(claims["provider_id"], "unknown"))
    return found


def read_scores(file: Path) -> pa.Table:
    """The scores of a file that `ginja model score` wrote."""
    return pq.read_table(file, columns=["claim_id", "probability", "flagged"])
