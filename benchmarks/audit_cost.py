"""Cost of the audit log: per claim, per read, and its verification at a million rows.

    python -m benchmarks.audit_cost [--claims 500] [--rows 1000000]

Creates a temporary home with embedded servers and a small simulated insurer, submits claims in process with a stub
scorer, then records and seals them as the worker does. Prints JSON. `--rows 0` leaves out the verification.
"""

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

import psycopg
import uvloop
from pydantic import JsonValue

from api import audit, request_context
from api.audit import AuditSealer, AuditWriter, StoredAnchors, Subject, record_submissions, submitted_by, verify
from api.database import Database
from api.dependencies import Dependencies
from api.field_keys import FieldKeys
from api.identity import Caller
from api.intake import ClaimIn
from api.loading import load_folder
from api.migrate import upgrade
from api.request_context import Actor, RequestContext
from api.requests import parse
from benchmarks.claim_cost import answer, bodies
from core import clock
from core.live_claims import LiveClaims
from core.servers import postgres_url, temporary_home
from core.settings import Settings
from core.supervision import StopSignals

BATCH = 100
"""Events that the worker takes at a time."""
READS = 300
CALLER = Caller("key_bench", "claims_system", None, "bench")
CONTEXT = RequestContext("req_01m86p3ap6yntdyk7shqjq4hs9", "192.0.2.7", "claims-system/1.0", None)
"""Of every request."""
ROWS = """
    INSERT INTO audit_log
        (at, api_key_id, name, role, act, details, purpose, subject_kind, subject_id, request_id, address, agent)
    SELECT '2026-03-01'::timestamptz + n * interval '1 s', 'key_1', 'ann', 'investigator', 'claim.read', '{}', 'FRAUD',
           'claim', 'clm_' || n, 'req_' || n, '192.0.2.7', 'browser'
    FROM generate_series(1, %s) AS n
"""
"""Rows as those of reads, for the verification."""


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """The event of a claim's receipt."""

    topic: str
    entity_key: str
    payload: Mapping[str, JsonValue]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ClaimAudit:
    """What the audit log costs a claim."""

    claims: int
    payload_us: float
    """To state in the event who submits, on the way of the claim."""
    payload_bytes: float
    """Of that in the event."""
    record_us: float
    """To add the row, in the worker."""
    seal_us: float
    """To seal it, in the worker."""
    stored_bytes: float
    """Of the row with its indexes and its seal."""


@dataclass(frozen=True, slots=True)
class AuditVerification:
    """`ginja audit verify` over many rows."""

    rows: int
    seal_s: float
    verify_s: float
    found: list[str]
    """Faults after one row was changed, one removed, and two exchanged."""


async def claims(settings: Settings, url: str, sent: list[bytes], times: int) -> ClaimAudit:
    """Submit claims, then record and seal them."""
    server = await asyncio.start_server(answer, "127.0.0.1", settings.scorer_port)
    own = Dependencies.create(settings, url, LiveClaims())
    for at in range(times):
        body = sent[at % len(sent)]
        await own.intake.submit(CALLER, parse(ClaimIn, body), body, f"bench-{at}")
    began = time.perf_counter()
    for _ in range(times):
        who = submitted_by(CALLER)
    payload_us = (time.perf_counter() - began) / times * 1e6
    with psycopg.connect(url) as connection:
        events = [
            ReceivedEvent(*row)
            for row in connection.execute(
                "SELECT topic, entity_key, payload, created_at FROM outbox WHERE payload ? 'by' ORDER BY position"
            )
        ]
    before = _size(url)
    began = time.perf_counter()
    for start in range(0, len(events), BATCH):
        async with own.database.transaction() as transaction:
            await record_submissions(transaction, events[start : start + BATCH])
    record_us = (time.perf_counter() - began) / len(events) * 1e6
    began = time.perf_counter()
    sealed = await AuditSealer(own.database).step()
    seal_us = (time.perf_counter() - began) / sealed * 1e6
    stored = (_size(url) - before) / sealed
    await own.close()
    server.close()
    return ClaimAudit(
        claims=len(events),
        payload_us=round(payload_us, 1),
        payload_bytes=len(json.dumps(who)),
        record_us=round(record_us, 1),
        seal_us=round(seal_us, 1),
        stored_bytes=round(stored),
    )


async def reads(url: str) -> float:
    """Median milliseconds of the row of one read, before its response, one after the other."""
    database = Database(url, pool_size=1)
    writer, took = AuditWriter(database), []
    with request_context.carrying_out(CONTEXT):
        for _ in range(READS):
            row = audit.entry(
                actor=Actor("key_bench", "bench", "investigator"),
                act="claim.read",
                claim_id=None,
                details={},
                at=clock.now(),
                subject=Subject("claim", "clm_1"),
                outcome="success",
            )
            began = time.perf_counter()
            await writer.write(row)
            took.append((time.perf_counter() - began) * 1e3)
    await database.close()
    return round(statistics.median(took), 2)


async def verification(url: str, rows: int) -> AuditVerification:
    """Seal and verify many rows, and find what is changed in them."""
    with psycopg.connect(url) as connection:
        connection.execute(ROWS, [rows])
    database = Database(url, pool_size=1)
    began = time.perf_counter()
    await AuditSealer(database).step()
    sealed = time.perf_counter()
    report = await verify(database, StoredAnchors())
    verified = time.perf_counter()
    assert report.faults_in_all == 0, report.faults
    _tamper(url, report.rows)
    found = await verify(database, StoredAnchors())
    await database.close()
    return AuditVerification(
        rows=report.rows,
        seal_s=round(sealed - began, 1),
        verify_s=round(verified - sealed, 1),
        found=[f"{one.kind} {one.audit_id}" for one in found.faults],
    )


def _tamper(url: str, rows: int) -> None:
    """Change one row, remove one, and exchange two, as the owner could who lifts what protects them."""
    changed, removed, first, second = (rows // 10 * part for part in (2, 4, 6, 8))
    with psycopg.connect(url) as connection:
        connection.execute("GRANT UPDATE, DELETE ON audit_log TO CURRENT_USER")
        connection.execute("ALTER TABLE audit_log DISABLE TRIGGER audit_log_append_only")
        connection.execute("UPDATE audit_log SET name = 'ben' WHERE audit_id = %s", [changed])
        connection.execute("DELETE FROM audit_log WHERE audit_id = %s", [removed])
        for before, after in ((first, -1), (second, first), (-1, second)):
            connection.execute("UPDATE audit_log SET audit_id = %s WHERE audit_id = %s", [after, before])


def _size(url: str) -> int:
    query = "SELECT pg_total_relation_size('audit_log') + pg_total_relation_size('audit_seals')"
    with psycopg.connect(url) as connection:
        (size,) = connection.execute(query).fetchone() or (0,)
    return int(size)


def main() -> None:
    """Set up, measure and clean up."""
    from core.embedded import free_port
    from pipelines.simulate import SimulationConfig, simulate, write

    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--claims", type=int, default=500)
    options.add_argument("--rows", type=int, default=1_000_000)
    given = options.parse_args()
    with StopSignals(), temporary_home("ginja-bench-") as home:
        settings = Settings(home=home, scorer_port=free_port())
        write(simulate(SimulationConfig(claims=20_000, seed=1)), home / "data")
        url = postgres_url(settings)
        upgrade(url)
        load_folder(url, home / "data", source="simulated", keys=FieldKeys(settings, url))
        with request_context.carrying_out(CONTEXT):
            of_claims = uvloop.run(claims(settings, url, bodies(home / "data"), given.claims))
        figures: dict[str, object] = {"claim": asdict(of_claims), "read_ms": uvloop.run(reads(url))}
        if given.rows:
            figures["verification"] = asdict(uvloop.run(verification(url, given.rows)))
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
