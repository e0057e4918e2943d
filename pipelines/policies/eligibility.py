"""Edits that no parameter changes, over columns: cover, provider status, units, and sex and age of codes."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from claims.scoring import MAX_AGE_YEARS
from pipelines.policies.columns import Codes, Flags, Floats, days, floats, integers


@dataclass(frozen=True, slots=True)
class FixedEdits:
    """What these edits read."""

    claim: Codes
    """Of each line, the row of its claim."""
    claims: pa.Table
    members: pa.Table
    providers: pa.Table
    procedures: pa.Table
    diagnoses: pa.Table
    member: pa.ChunkedArray
    """Row of the member of each claim; null: none."""
    provider: pa.ChunkedArray
    listed: Codes
    """Row of the procedure of each line; -1: not in the catalogue."""
    over_limit: Flags
    """Of each line, whether its procedure has more units than the catalogue allows."""


@dataclass(frozen=True, slots=True)
class FixedFindings:
    """The findings by code, and the claims that one of them rejects."""

    findings: dict[str, Flags]
    rejected: Flags


def fixed_edits(given: FixedEdits) -> FixedFindings:
    """Find what `claims.adjudication.run_edits` finds in a claim without earlier claims and benefit limit."""
    begins, ends = days(given.claims["service_from"]), days(given.claims["service_to"])
    age, sex = member_ages(given.members, given.member, given.claims), _texts(given.members["sex"], given.member)
    with np.errstate(invalid="ignore"):
        rejecting = {
            "cover_not_begun": begins < _days(given.members["enrolled_from"], given.member),
            "cover_ended": ends >= _days(given.members["enrolled_to"], given.member),
            "provider_excluded": ends >= _days(given.providers["excluded_from"], given.provider),
            "provider_inactive": (begins < _days(given.providers["active_from"], given.provider))
            | (ends > _days(given.providers["active_to"], given.provider)),
        }
    diagnosis = integers(
        pc.index_in(given.claims["diagnosis_code"], value_set=given.diagnoses["diagnosis_code"].combine_chunks()),
        missing=-1,
    )
    wrong_sex, wrong_age = _misfits(given.procedures, given.listed, sex[given.claim], age[given.claim])
    reviewing = {
        "units_over_limit": _any(given, given.over_limit),
        "procedure_sex": _any(given, wrong_sex),
        "procedure_age": _any(given, wrong_age),
    }
    reviewing["diagnosis_sex"], reviewing["diagnosis_age"] = _misfits(given.diagnoses, diagnosis, sex, age)
    rejected: Flags = np.logical_or.reduce(list(rejecting.values()))
    return FixedFindings({**rejecting, **reviewing}, rejected)


def _any(given: FixedEdits, flags: Flags) -> Flags:
    found = np.zeros(given.claims.num_rows, np.bool_)
    found[given.claim[flags]] = True
    return found


def member_ages(members: pa.Table, member: pa.ChunkedArray, claims: pa.Table) -> Floats:
    """Completed years of each claim's member on its first day of service; NaN: unknown."""
    born, on = members["birth_date"].take(member), pc.cast(claims["service_from"], pa.date32())
    years = floats(pc.subtract(pc.year(on), pc.year(born)))
    today = floats(pc.add(pc.multiply(pc.month(on), 100), pc.day(on)))
    birthday = floats(pc.add(pc.multiply(pc.month(born), 100), pc.day(born)))
    with np.errstate(invalid="ignore"):
        age = years - (today < birthday)
        unknown = np.isnan(age) | (days(born) > days(on)) | (age > MAX_AGE_YEARS)
    return np.where(unknown, np.nan, age)


def _misfits(table: pa.Table, row: Codes, sex: Codes, age: Floats) -> tuple[Flags, Flags]:
    """Whether a code is for the other sex, or for other ages."""
    known = row >= 0
    limit = np.append(_codes_of(table["sex"]), -1)[row]
    lowest = np.append(floats(table["min_age_years"]), np.nan)[row]
    highest = np.append(floats(table["max_age_years"]), np.nan)[row]
    with np.errstate(invalid="ignore"):
        return known & (limit >= 0) & (sex >= 0) & (limit != sex), known & ((age < lowest) | (age > highest))


_SEXES = pa.array(["F", "M"])


def _codes_of(column: pa.ChunkedArray) -> Codes:
    return integers(pc.index_in(pc.cast(column, pa.string()), value_set=_SEXES), missing=-1)


def _texts(column: pa.ChunkedArray, index: pa.ChunkedArray) -> Codes:
    return _codes_of(column.take(index))


def _days(column: pa.ChunkedArray, index: pa.ChunkedArray) -> Floats:
    return days(column.take(index))
