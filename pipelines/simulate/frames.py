"""The simulated ledger as Arrow frames: claims, lines, labels, and the reference data they point to."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.declare import CLAIMS, LABELS
from pipelines import reference
from pipelines.simulate.catalogue import (
    COMPANIONS,
    DIAGNOSES,
    PLANS,
    PROCEDURES,
    REGIONS,
    SPECIALTIES,
)
from pipelines.simulate.config import KINDS
from pipelines.simulate.draw import Ints
from pipelines.simulate.visits import HONEST, Rows
from pipelines.simulate.world import FIRST_PROVIDER, NEVER, PROCEDURE_INDEX, World


@dataclass(frozen=True, slots=True)
class Ledger:
    """Claims in order of receipt; times in microseconds, 0: never; `replaces` is a position, -1: none."""

    rows: Rows
    received: Ints
    voided_at: Ints
    replaces: Ints
    known_at: Ints


def _ids(prefix: str, numbers: NDArray[np.integer], width: int = 0) -> pa.Array:
    digits = pc.cast(pa.array(numbers), pa.string())
    return pc.binary_join_element_wise(pa.scalar(prefix), pc.utf8_lpad(digits, width, "0") if width else digits, "")


def _pick(values: list[str], at: NDArray[np.integer]) -> pa.Array:
    return pa.array(values, pa.string()).take(pa.array(at))


def _days(values: NDArray[np.integer], absent: NDArray[np.bool_] | None = None) -> pa.Array:
    return pa.array(values.astype(np.int32), pa.int32(), mask=absent).cast(pa.date32())


def _instants(values: Ints, absent: NDArray[np.bool_] | None = None) -> pa.Array:
    return pa.array(values, pa.int64(), mask=absent).cast(pa.timestamp("us", tz="UTC"))


def claim_ids(ledger: Ledger) -> pa.Array:
    """`C00000001` and on, in order of receipt."""
    return _ids("C", np.arange(1, len(ledger.rows) + 1), 8)


def claims_frame(world: World, ledger: Ledger) -> pa.Table:
    """The ledger as `features.declare.CLAIMS`; region and specialty are the provider's."""
    rows, members, providers = ledger.rows, world.members, world.providers
    ids = claim_ids(ledger)
    member_ids = _ids("M", np.arange(1, len(members.birth) + 1))
    provider_ids = _ids("H", np.arange(FIRST_PROVIDER, FIRST_PROVIDER + len(providers.size)))
    limits = np.array([limit for _, _, limit, _ in PLANS])
    diagnoses = 1 + (rows.lines > 2).astype(np.int64) + (rows.units > 6) + (members.chronic[rows.member] >= 0)
    columns = {
        "claim_id": ids,
        "received_at": _instants(ledger.received),
        "service_from": _days(rows.service_from),
        "service_to": _days(rows.service_to),
        "member_id": member_ids.take(pa.array(rows.member)),
        "provider_id": provider_ids.take(pa.array(rows.provider)),
        "procedure_code": _pick([p.code for p in PROCEDURES], rows.procedure),
        "diagnosis_code": _pick([d.code for d in DIAGNOSES], rows.diagnosis),
        "place_of_service": _pick([p.place for p in PROCEDURES], rows.procedure),
        "region": _pick([name for name, *_ in REGIONS], providers.region[rows.provider]),
        "specialty": _pick(list(SPECIALTIES), providers.specialty[rows.provider]),
        "age_years": pa.array(_years(members.birth[rows.member], rows.service_from), pa.int32()),
        "sex": _pick(["F", "M"], members.sex[rows.member]),
        "amount_cents": pa.array(rows.amount_cents),
        "units": pa.array(rows.units.astype(np.int32)),
        "lines": pa.array(rows.lines.astype(np.int32)),
        "diagnoses": pa.array(diagnoses.astype(np.int32)),
        "benefit_limit_cents": pa.array(limits[members.plan[rows.member]]),
        "voided_at": _instants(ledger.voided_at, ledger.voided_at == 0),
        "replaces": ids.take(pa.array(ledger.replaces, mask=ledger.replaces < 0)),
    }
    return pa.table([columns[name] for name in CLAIMS.names], schema=CLAIMS)


def _years(birth: Ints, day: Ints) -> Ints:
    """Completed years by the calendar, as the claims API counts them."""
    born, at = birth.astype("datetime64[D]"), day.astype("datetime64[D]")
    years = at.astype("datetime64[Y]").astype(np.int64) - born.astype("datetime64[Y]").astype(np.int64)
    return np.maximum(years - (_month_day(at) < _month_day(born)), 0)


def _month_day(day: NDArray[np.datetime64]) -> Ints:
    month = day.astype("datetime64[M]")
    in_month = (day - month).astype("timedelta64[D]").astype(np.int64)
    return np.asarray(month.astype(np.int64) % 12 * 32 + in_month, dtype=np.int64)


def labels_frame(ledger: Ledger) -> pa.Table:
    """The labels: every claim, the kind of each fraud, and when it became known."""
    kind = ledger.rows.kind
    columns = [
        claim_ids(ledger),
        pa.array(kind != HONEST),
        pa.array(list(KINDS), pa.string()).take(pa.array(kind, mask=kind == HONEST)),
        _instants(ledger.known_at),
        pa.repeat("simulation", len(kind)),
    ]
    return pa.table(columns, schema=LABELS)


def lines_frame(world: World, ledger: Ledger, rng: np.random.Generator) -> tuple[pa.Table, Ints]:
    """The lines of all claims, and where each claim's lines start (one more entry than claims).

    Line 1 is the principal procedure, with the greatest amount; the others share the rest of the claim's amount.
    """
    rows = ledger.rows
    starts = np.concatenate([[0], np.cumsum(rows.lines)])
    claim = np.repeat(np.arange(len(rows)), rows.lines)
    number = np.arange(len(claim)) - starts[claim] + 1
    principal = number == 1
    share = np.where(principal, 1.0, rng.uniform(0.04, 0.3, len(claim)))
    cents = np.floor(rows.amount_cents[claim] * share / np.add.reduceat(share, starts[:-1])[claim]).astype(np.int64)
    cents[starts[:-1]] += rows.amount_cents - np.add.reduceat(cents, starts[:-1])
    extras = np.array([PROCEDURE_INDEX[code] for code, _ in COMPANIONS])
    procedure = np.where(principal, rows.procedure[claim], extras[rng.integers(0, len(extras), len(claim))])
    units = np.where(principal, np.maximum(rows.units - rows.lines + 1, 1)[claim], 1)
    columns = {
        "claim_id": claim_ids(ledger).take(pa.array(claim)),
        "line": pa.array(number.astype(np.int32)),
        "procedure_code": _pick([p.code for p in PROCEDURES], procedure),
        "units": pa.array(units.astype(np.int32)),
        "amount_cents": pa.array(cents),
        "service_date": _days(rows.service_from[claim]),
    }
    return pa.table([columns[name] for name in reference.CLAIM_LINES.names], schema=reference.CLAIM_LINES), starts


def reference_frames(world: World, excluded_from: Ints) -> dict[str, pa.Table]:
    """Members, plans, providers, procedures and diagnoses as `pipelines.reference` declares them."""
    members, providers = world.members, world.providers
    count, houses = len(members.birth), len(providers.size)
    regions = [name for name, *_ in REGIONS]
    member_ids = _ids("M", np.arange(1, count + 1))
    provider_ids = _ids("H", np.arange(FIRST_PROVIDER, FIRST_PROVIDER + houses))
    member_columns = [
        member_ids,
        pc.binary_join_element_wise(pa.scalar("Member"), pc.utf8_slice_codeunits(member_ids, 1), " "),
        _days(members.birth),
        _pick(["F", "M"], members.sex),
        _pick(regions, members.region),
        _pick([plan for plan, *_ in PLANS], members.plan),
        _days(members.enrolled_from),
        _days(members.enrolled_to, members.enrolled_to == NEVER),
    ]
    provider_columns = [
        provider_ids,
        pc.binary_join_element_wise(pa.scalar("Provider"), pc.utf8_slice_codeunits(provider_ids, 1), " "),
        _pick(list(SPECIALTIES), providers.specialty),
        _pick(regions, providers.region),
        _days(providers.active_from),
        _days(providers.active_to, providers.active_to == NEVER),
        _days(excluded_from, excluded_from == NEVER),
    ]
    plans = [{"plan_id": plan, "name": name, "benefit_limit_cents": limit} for plan, name, limit, _ in PLANS]
    procedures = [
        {
            "procedure_code": p.code,
            "name": p.name,
            "specialties": list(p.specialties),
            "typical_cents": round(p.cost * 100),
            "sex": p.sex,
            "min_age_years": p.ages[0],
            "max_age_years": p.ages[1],
            "max_units": p.units,
        }
        for p in PROCEDURES
    ]
    diagnoses = [
        {
            "diagnosis_code": d.code,
            "name": d.name,
            "sex": d.sex,
            "min_age_years": d.ages[0],
            "max_age_years": d.ages[1],
        }
        for d in DIAGNOSES
    ]
    return {
        "members": pa.table(member_columns, schema=reference.MEMBERS),
        "plans": pa.Table.from_pylist(plans, schema=reference.PLANS),
        "providers": pa.table(provider_columns, schema=reference.PROVIDERS),
        "procedures": pa.Table.from_pylist(procedures, schema=reference.PROCEDURES),
        "diagnoses": pa.Table.from_pylist(diagnoses, schema=reference.DIAGNOSES),
    }
