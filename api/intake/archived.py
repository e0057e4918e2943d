"""Claims that are in an archive: what is said of them where they are asked for."""

from api.database import Pipelined, Query, Statement
from api.errors import NotFound
from api.identity import Caller
from api.intake.access import visible
from api.intake.records import ClaimRecord

_ARCHIVED = Statement(
    "SELECT archive, provider_id, member_id FROM archived_claims WHERE claim_id = %(id)s::text AND restored_at IS NULL",
    {},
)


async def found_or_archived(
    connection: Pipelined, claim: ClaimRecord | None, claim_id: str, caller: Caller
) -> ClaimRecord:
    """The claim if the caller may see it.

    Raises `NotFound`, which names the archive where the caller might see the claim and it was archived.
    """
    if claim is None:
        (row,) = await connection.fetch(Query(_ARCHIVED, {"id": claim_id}, lambda rows: rows[0] if rows else None))
        if row is not None and caller.may_access(row[1], row[2]):
            raise NotFound(
                f"the claim was archived, its retention is over; an operator restores it: ginja data archive restore "
                f"FOLDER --claim {claim_id} (archive {row[0]})"
            )
    return visible(claim, caller)
