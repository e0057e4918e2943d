"""Claims that are in an archive: what is said of them where they are asked for."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from api.database import Pipelined, Query, Statement, fetch
from api.errors import NotFound
from api.identity import Caller
from api.intake.access import visible
from api.intake.records import ClaimRecord

_ARCHIVED = Statement(
    "SELECT archive, provider_id, member_id FROM archived_claims WHERE claim_id = %(id)s::text AND restored_at IS NULL",
    {},
)


_UNKNOWN: Final = "claim not found; check its id"


async def no_claim(
    connection: AsyncConnection, claim_id: str, caller: Caller | None = None, *, unknown: str = _UNKNOWN
) -> NotFound:
    """What is raised where there is no claim that the caller may access; it names the archive of an archived one.

    `caller` is `None` where every caller of a route may access all claims. It is the same work for a claim of others.
    """
    return _not_found(await fetch(connection, _archive_of(claim_id)), claim_id, caller, unknown)


async def found_or_archived(
    connection: Pipelined, claim: ClaimRecord | None, claim_id: str, caller: Caller
) -> ClaimRecord:
    """The claim if the caller may see it.

    Raises `NotFound`, which names the archive where the caller might see the claim and it was archived.
    """
    if claim is None:
        (row,) = await connection.fetch(_archive_of(claim_id))
        raise _not_found(row, claim_id, caller, _UNKNOWN)
    return visible(claim, caller)


def _archive_of(claim_id: str) -> Query[Sequence[str] | None]:
    """The archive of a claim, with its provider and member."""
    return Query(_ARCHIVED, {"id": claim_id}, lambda rows: rows[0] if rows else None)


def _not_found(archived: Sequence[str] | None, claim_id: str, caller: Caller | None, unknown: str) -> NotFound:
    if archived is None or (caller is not None and not caller.may_access(archived[1], archived[2])):
        return NotFound(unknown)
    return NotFound(
        f"the claim was archived, its retention is over; an operator restores it: ginja data archive restore "
        f"FOLDER --claim {claim_id} (archive {archived[0]})"
    )
