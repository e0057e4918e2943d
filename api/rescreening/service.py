"""What can be done with findings of re-screening: list and close them; a claim is decided by the routes of reviews."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from pydantic import JsonValue

from api import audit
from api.database import Database, fetch
from api.errors import Conflict, NotFound
from api.field_keys import FieldKeys
from api.identity import Caller
from api.paging import ListPage, PageCursor
from api.rescreening import repository
from api.rescreening.jobs import RetriedClaims, retry_given_up
from api.rescreening.records import ClosingReason, RescreeningFinding, RescreeningJob
from core import clock

RETRIED_AT_A_TIME: Final = 10_000
"""Failed claims that are queued again in a transaction."""


async def rescreening_findings(
    database: Database,
    keys: FieldKeys,
    *,
    filters: Mapping[str, str],
    is_open: bool | None = None,
    after: PageCursor | None = None,
    limit: int,
) -> ListPage[RescreeningFinding]:
    """A page of findings, the newest first. `filters`: columns of the finding, or `kind` of its change."""
    async with database.reading() as connection:
        found = await repository.findings(
            connection, keys, filters=filters, is_open=is_open, after=after, limit=limit + 1
        )
    shown = found[:limit]
    return ListPage(shown, PageCursor(shown[-1].found_at, shown[-1].finding_id) if len(found) > limit else None)


async def close_rescreening_finding(
    database: Database,
    keys: FieldKeys,
    caller: Caller,
    finding_id: str,
    reason: ClosingReason,
    note: str | None,
    *,
    of_claim: str | None = None,
) -> RescreeningFinding:
    """Close a finding, with an audit row; the claim is unchanged.

    Raises `NotFound`, also if it is not about `of_claim`, and `Conflict` if it is closed.
    """
    now = clock.now()
    async with database.transaction() as connection:
        found = await repository.lock_finding(connection, keys, finding_id)
        if found is None or of_claim not in (None, found.claim_id):
            raise NotFound("finding not found; `GET /v1/rescreening-findings` lists them")
        if found.closed_at is not None:
            raise Conflict(f"finding {finding_id} is already closed: {found.closed_reason}; nothing was changed")
        await repository.close_finding(connection, keys, found, reason=reason, note=note, by=caller.name, at=now)
        details: dict[str, JsonValue] = {"finding_id": finding_id, "code": found.code, "reason": reason.value}
        await fetch(connection, audit.record(caller, "rescreening_finding.close", found.claim_id, details, now))
    return replace(found, closed_at=now, closed_reason=reason.value, note=note, closed_by=caller.name)


async def rescreening_jobs(database: Database, *, limit: int) -> list[RescreeningJob]:
    """Changes after which claims are compared, with progress, the newest first."""
    async with database.reading() as connection:
        return await repository.jobs(connection, limit)


async def retry_failed_claims(database: Database) -> RetriedClaims:
    """Queue the claims again that could not be compared and were given up; the worker compares them."""
    now, of_jobs, found = clock.now(), Counter[int](), True
    while found:
        async with database.deciding() as connection:
            retried, *_ = await connection.finish(retry_given_up(now, RETRIED_AT_A_TIME))
        of_jobs.update(retried)
        found = bool(retried)
    return RetriedClaims(of_jobs.total(), len(of_jobs))
