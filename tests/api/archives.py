"""Claims of long ago, with all that can belong to one, and runs that archive them."""

import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg

from api.archives import TABLES, ArchiveRequest, ArchiveRun, Restorer, RestoreRun, archive_due
from api.identity import Caller
from api.retention import declared_kinds
from core import clock
from core.settings import Settings
from tests.api.appeals import UPHELD, answer, filed
from tests.api.decisions import DENY, decide, held
from tests.api.makers import ENCRYPTION_KEY, Api

KIND = declared_kinds()["closed_claims"]
CALLER = Caller("command line", "operator", None, "ann")
YEARS = 12
DATED = {
    "claims": ("received_at", "received_on", "service_from", "service_to", "voided_at", "pay_by"),
    "assessments": ("made_at",),
    "decisions": ("made_at", "due_on"),
    "earlier_decisions": ("began_at", "ended_at"),
    "dispositions": ("known_at",),
    "labels": ("known_at",),
    "selections": ("made_at", "week"),
    "appeals": ("filed_at", "due_on"),
    "appeal_decisions": ("made_at",),
    "rescreening_findings": ("found_at", "closed_at", "ended_at"),
}


def settings_of(home: Path, **changes: Any) -> Settings:
    return Settings(home=home, encryption_keys=ENCRYPTION_KEY, **changes)


def age(url: str, years: int = YEARS) -> None:
    """Let everything about the claims of now have happened years ago, and every event be handled."""
    with psycopg.connect(url) as connection:
        for table, (first, *rest) in DATED.items():
            connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            changes = ", ".join(f"{one} = {one} - interval '{years} years'" for one in (first, *rest))
            connection.execute(f"UPDATE {table} SET {changes} WHERE {first} > now() - interval '1 year'")
            connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        connection.execute("UPDATE outbox SET done_at = now() WHERE done_at IS NULL")


async def full_claim(api: Api, **changes: Any) -> str:
    """A denied claim with an upheld appeal, notes, a disposition, a label, a selection and a finding."""
    claim_id = await held(api, **changes)
    await api.post(f"/v1/claims/{claim_id}/dispositions", {"disposition": "cleared", "note": "seen"})
    await decide(api, claim_id, DENY | {"note": "Änderung"})
    answered = await answer(api, await filed(api, claim_id), UPHELD | {"note": "as before"})
    assert answered.status_code == 201, answered.text
    api.execute(
        "INSERT INTO selections (claim_id, week, selected_by, propensity, probability, model_version, made_at) "
        f"VALUES ('{claim_id}', current_date, 'audit', 0.1, 0.25, 'm-1', now())"
    )
    api.execute(
        f"""
        WITH job AS (INSERT INTO rescreening_jobs (kind, recorded_at, not_before, finished_at)
                     VALUES ('plan', now(), now(), now()) RETURNING job_id)
        INSERT INTO rescreening_findings (finding_id, job_id, claim_id, provider_id, status, difference, code, line,
                                          entry, text, cites, found_at, closed_at, closed_reason)
        SELECT 'fnd_{claim_id}', job_id, '{claim_id}', 'H456', 'denied', 'new_finding', 'amount', 0, 'fee', 'text',
               'cites',
               now(), now(), 'no_action' FROM job
        """
    )
    voided = await api.post(f"/v1/claims/{claim_id}/void", {"reason": "sent twice"})
    assert voided.status_code == 200, voided.text
    return claim_id


def old_claim(url: str, claim_id: str, **changes: Any) -> str:
    """An approved claim of twelve years ago, in the database only; `changes` are of its columns."""
    day = clock.now() - timedelta(days=365 * YEARS)
    values = {
        "claim_id": claim_id,
        "received_at": day,
        "service_from": day.date(),
        "service_to": day.date(),
        "member_id": "M123",
        "provider_id": "H456",
        "amount_cents": 100,
        "approved_cents": 100,
        "status": "approved",
        "source": "api",
    } | changes
    names, places = ", ".join(values), ", ".join(f"%({name})s" for name in values)
    with psycopg.connect(url) as connection:
        connection.execute(f"INSERT INTO claims ({names}) VALUES ({places})", values)
        connection.execute("INSERT INTO claim_lines VALUES (%s, 1, 'P001', 1, 100, NULL, NULL)", [claim_id])
    return claim_id


def execute(url: str, statement: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(statement)


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()


def tables_of(url: str) -> dict[str, set[str]]:
    """Every row of the archived tables, as PostgreSQL writes it."""
    with psycopg.connect(url) as connection:
        return {
            table.name: {str(row) for (row,) in connection.execute(f"SELECT one::text FROM {table.name} AS one")}
            for table in TABLES["closed_claims"]
        }


def run(url: str, home: Path, folder: Path, **options: Any) -> ArchiveRun:
    folder.mkdir(exist_ok=True)
    changes = options.pop("settings", {})
    before = options.pop("before", None)
    request = ArchiveRequest(KIND, folder, CALLER, before)
    return archive_due(url, settings_of(home, **changes), request, **options)


def restored(url: str, home: Path, folder: Path, **options: Any) -> list[RestoreRun]:
    folders = sorted(one for one in folder.iterdir() if not one.name.startswith("."))
    return Restorer(url, settings_of(home), CALLER).restore(folders, **options)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
