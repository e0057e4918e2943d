"""Reads what the page of a claim shows beside its score: few statements, each bounded."""

from dataclasses import fields
from datetime import UTC
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from api.console.claim.context_records import BilledClaim, BilledLine, ClaimContext, MemberClaim, PeerAmounts
from api.console.reading import NO_CLAIM
from api.intake import no_claim

MOST_PEERS: Final = 20_000
"""Claims of the procedure that the distribution is made of: the latest of the year."""
MOST_MEMBER_CLAIMS: Final = 60
"""Claims on the member's timeline."""

_CLAIM: Final = text(
    f"""SELECT {
        ", ".join(
            "(SELECT later.claim_id FROM claims AS later WHERE later.replaces = c.claim_id) AS replaced_by"
            if one.name == "replaced_by"
            else f"c.{one.name}"
            for one in fields(BilledClaim)
        )
    } FROM claims AS c WHERE c.claim_id = :claim_id"""
)
_LINES: Final = text(
    "SELECT line, procedure_code, units, amount_cents, service_date, modifiers FROM claim_lines "
    "WHERE claim_id = :claim_id ORDER BY line"
)
# As the set `procedure_claims_to_midnight_365d`, of which the narrower sets are parts.
_PEERS: Final = text(
    """SELECT of_specialty, of_region, array_agg(amount_cents) FROM (
        SELECT c.amount_cents, c.specialty IS NOT DISTINCT FROM :specialty AS of_specialty,
               c.region IS NOT DISTINCT FROM :region AS of_region
        FROM claims AS c WHERE c.procedure_code = :procedure_code
        AND c.received_at >= CAST(:midnight AS timestamptz) - interval '8760 hours' AND c.received_at < :midnight
        AND (c.voided_at IS NULL OR greatest(c.voided_at, c.received_at) >= :midnight)
        ORDER BY c.received_at DESC LIMIT :most) AS latest
    GROUP BY of_specialty, of_region"""
)
# As the set `provider_received_90d`.
_PROVIDER_DAYS: Final = text(
    """SELECT (c.received_at AT TIME ZONE 'UTC')::date, count(*)
    FROM claims AS c WHERE c.provider_id = :provider_id
    AND c.received_at >= CAST(:midnight AS timestamptz) - interval '2160 hours' AND c.received_at < :received_at
    GROUP BY 1 ORDER BY 1"""
)
# The set `member_received_365d`, the claim itself, and later ones.
_MEMBER_CLAIMS: Final = text(
    """SELECT c.claim_id, c.received_at, c.provider_id, c.procedure_code, c.amount_cents, c.voided_at, (
        SELECT label.is_fraud FROM labels AS label WHERE label.claim_id = c.claim_id
        ORDER BY label.known_at DESC, label.is_fraud DESC NULLS LAST LIMIT 1)
    FROM claims AS c WHERE c.member_id = :member_id
    AND c.received_at >= CAST(:midnight AS timestamptz) - interval '8760 hours'
    ORDER BY c.received_at DESC, c.claim_id DESC LIMIT :most"""
)


async def read_context(connection: AsyncConnection, claim_id: str) -> ClaimContext:
    """The context of a claim; raises `NotFound`."""
    row = (await connection.execute(_CLAIM, {"claim_id": claim_id})).one_or_none()
    if row is None:
        raise await no_claim(connection, claim_id, unknown=NO_CLAIM)
    claim = BilledClaim(*row)
    midnight = claim.received_at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    lines = await connection.execute(_LINES, {"claim_id": claim_id})
    peers = await connection.execute(
        _PEERS,
        {
            "procedure_code": claim.procedure_code,
            "specialty": claim.specialty,
            "region": claim.region,
            "midnight": midnight,
            "most": MOST_PEERS,
        },
    )
    days = await connection.execute(
        _PROVIDER_DAYS,
        {"provider_id": claim.provider_id, "midnight": midnight, "received_at": claim.received_at},
    )
    of_member = await connection.execute(
        _MEMBER_CLAIMS, {"member_id": claim.member_id, "midnight": midnight, "most": MOST_MEMBER_CLAIMS}
    )
    return ClaimContext(
        claim=claim,
        lines=[BilledLine(*one) for one in lines],
        peers=[PeerAmounts(*one) for one in peers],
        provider_days=[(one[0], one[1]) for one in days],
        member_claims=[MemberClaim(*one) for one in of_member],
    )
