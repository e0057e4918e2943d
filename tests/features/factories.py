"""Small claims and labels frames."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from core.clock import DAY_US
from features.declare import CLAIMS, LABELS, VIEWS, Row, RowKind

START = datetime(2024, 1, 1, tzinfo=UTC)


def claim(number: int = 1, **facts: Any) -> dict[str, Any]:
    """One row of the claims frame; pass what differs."""
    received_at = facts.get("received_at", START + timedelta(days=10, hours=9, seconds=number))
    service = received_at.date()
    return {
        "claim_id": f"clm_{number:06d}",
        "received_at": received_at,
        "service_from": service,
        "service_to": service,
        "member_id": "M1",
        "provider_id": "H1",
        "procedure_code": "P1",
        "diagnosis_code": "D1",
        "place_of_service": "11",
        "region": "Coast",
        "specialty": "cardiology",
        "age_years": 44,
        "sex": "F",
        "amount_cents": 10_000,
        "units": 1,
        "lines": 1,
        "diagnoses": 1,
        "benefit_limit_cents": 1_000_000,
        "voided_at": None,
        "replaces": None,
    } | facts


def claims(rows: list[dict[str, Any]]) -> pa.Table:
    """The claims frame of these rows."""
    return pa.Table.from_pylist(rows, schema=CLAIMS)


def labels(rows: list[tuple[str, bool | None, datetime]]) -> pa.Table:
    """The labels frame of (claim, is it fraud or withdrawn, known when)."""
    named = [{"claim_id": c, "is_fraud": fraud, "kind": None, "known_at": known} for c, fraud, known in rows]
    return pa.Table.from_pylist(named, schema=LABELS)


def random_claims(
    count: int,
    *,
    seed: int = 1,
    days: int = 730,
    members: int = 50_000,
    providers: int = 2_000,
    procedures: int = 300,
) -> tuple[pa.Table, pa.Table]:
    """A claims frame and a labels frame of that size; the same seed gives the same rows."""
    rng = np.random.default_rng(seed)
    start = int(START.timestamp()) * 1_000_000
    received = np.sort(start + rng.integers(0, days * DAY_US, count))
    provider = np.minimum((rng.pareto(1.2, count) * providers / 30).astype(int), providers - 1)
    member = rng.integers(0, members, count)
    procedure = (provider * 7 + rng.integers(0, 25, count)) % procedures
    price = np.exp(rng.normal(9, 1, procedures))[procedure]
    service = (received // DAY_US - rng.integers(0, 10, count)).astype(np.int32)
    voided = np.where(rng.random(count) < 0.01, received + rng.integers(0, 30 * DAY_US, count), -1)
    ages = rng.integers(0, 95, members)[member]

    def codes(prefix: str, numbers: np.ndarray, kinds: int) -> pa.Array:
        names = pa.array([f"{prefix}{number:05d}" for number in range(kinds)])
        return names.take(pa.array(numbers))

    def optional(values: np.ndarray, kind: pa.DataType) -> pa.Array:
        return pa.array(values, mask=values < 0).cast(kind)

    identifiers = pa.array([f"clm_{number:09d}" for number in range(count)])
    instant = pa.timestamp("us", tz="UTC")
    frame = pa.table(
        [
            identifiers,
            pa.array(received).cast(instant),
            pa.array(service).cast(pa.date32()),
            pa.array(service + rng.integers(0, 2, count).astype(np.int32)).cast(pa.date32()),
            codes("M", member, members),
            codes("H", provider, providers),
            codes("P", procedure, procedures),
            codes("D", (procedure // 3 + rng.integers(0, 3, count)) % 150, 150),
            pa.array(["11", "21", "23", "02"]).take(pa.array(rng.integers(0, 4, count))),
            codes("R", provider % 8, 8),
            codes("S", provider % 20, 20),
            pa.array(ages).cast(pa.int32()),
            pa.array(["F", "M"]).take(pa.array(member % 2)),
            pa.array(np.maximum(np.exp(rng.normal(0, 0.4, count)) * price, 100).astype(np.int64)),
            pa.array(rng.integers(1, 5, count)).cast(pa.int32()),
            pa.array(rng.integers(1, 4, count)).cast(pa.int32()),
            pa.array(rng.integers(1, 5, count)).cast(pa.int32()),
            pa.array(np.full(count, 2_500_000)),
            optional(voided, instant),
            pa.nulls(count, pa.string()),
        ],
        schema=CLAIMS,
    )
    labelled = np.flatnonzero(rng.random(count) < 0.05)
    known = received[labelled] + rng.integers(0, 60 * DAY_US, len(labelled))
    truth = pa.table(
        [
            identifiers.take(pa.array(labelled)),
            pa.array(rng.random(len(labelled)) < 0.3),
            pa.nulls(len(labelled), pa.string()),
            pa.array(known).cast(instant),
            pa.nulls(len(labelled), pa.string()),
        ],
        schema=LABELS,
    )
    return frame, truth


def day(number: int) -> date:
    """The day `number` days after the epoch."""
    return date(1970, 1, 1) + timedelta(days=number)


def unseen_states() -> dict[str, Row]:
    """The states of a claim none of whose keys was ever seen; the network's row is absent, so it is missing."""
    return {view.name: view.zeros for view in VIEWS if view.kind is not RowKind.WEEKLY}


def decode_key(encoded: bytes) -> tuple[str, ...]:
    """The parts that `encode_key` put together, read back independently. Raises `ValueError`."""
    parts, place = [], 0
    while place < len(encoded):
        colon = encoded.find(b":", place)
        length = encoded[place:colon]
        if colon < 0 or not length.isdigit() or colon + 1 + int(length) > len(encoded):
            raise ValueError(f"not an entity key: {encoded!r}")
        place = colon + 1 + int(length)
        parts.append(encoded[colon + 1 : place].decode())
    return tuple(parts)
