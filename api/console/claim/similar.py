"""The disposed claims whose scores are made up most like a claim's: by the pushes of the reason groups.

Reading the pushes of some thousand scores takes longer than a page may. They never change, so each process keeps those
of the latest disposed claims, and reads only what was recorded since. What is shown of the nearest ones is read again
with the rights of the caller.
"""

import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from api.console.claim.context_records import NearestClaim
from api.console.claim.wording import disposition_words
from claims.money import format_cents
from claims.reason_groups import REASON_GROUPS, title_of
from claims.scoring import GroupPush

MOST_KEPT: Final = 3_000
"""Disposed claims that are compared: the latest."""
NEAREST: Final = 3
"""Claims of each disposition that are shown."""
_OVERLAP: Final = timedelta(minutes=2)
"""A transaction that began earlier may commit later."""
_CODES: Final = tuple(REASON_GROUPS)
_SHOWN: Final = ("confirmed", "cleared")

_RECORDED: Final = text(
    """SELECT recorded.claim_id, recorded.known_at, recorded.disposition, pushes.by_code
    FROM (
        SELECT claim_id, known_at, disposition FROM dispositions WHERE known_at >= :since
        ORDER BY known_at DESC LIMIT :most) AS recorded
    CROSS JOIN LATERAL (
        SELECT groups FROM assessments WHERE claim_id = recorded.claim_id AND groups IS NOT NULL
        ORDER BY made_at DESC LIMIT 1) AS scored
    CROSS JOIN LATERAL (
        SELECT jsonb_object_agg(one ->> 'code', one -> 'push') AS by_code
        FROM jsonb_array_elements(scored.groups) AS one
    ) AS pushes
    ORDER BY recorded.known_at"""
)
_SHOWN_OF: Final = text("SELECT claim_id, amount_cents FROM claims WHERE claim_id = ANY(CAST(:ids AS text[]))")


@dataclass(frozen=True, slots=True)
class SimilarClaimLine:
    """A similar claim as it is printed."""

    claim_id: str
    disposition: str
    side: str
    amount: str
    distance: str
    common: str


def similar_lines(found: Sequence[NearestClaim]) -> list[SimilarClaimLine]:
    """Similar claims as they are printed."""
    return [
        SimilarClaimLine(
            claim_id=one.claim_id,
            disposition=disposition_words(one.disposition),
            side="for" if one.disposition == "confirmed" else "against",
            amount=format_cents(one.amount_cents),
            distance=f"{one.distance:.2f}",
            common=title_of(one.shared) if one.shared else "nothing",
        )
        for one in found
    ]


@dataclass(frozen=True, slots=True)
class _Disposed:
    disposition: str
    pushes: tuple[float, ...]


class SimilarClaims:
    """Finds disposed claims like a claim."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, _Disposed] = OrderedDict()
        self._since = datetime(1970, 1, 1, tzinfo=UTC)

    async def nearest(
        self, connection: AsyncConnection, claim_id: str, groups: Sequence[GroupPush]
    ) -> list[NearestClaim]:
        """The nearest confirmed and cleared claims, nearest first; none for a claim without a score by groups."""
        await self._read_recorded(connection)
        own = _vector({group.code: group.push for group in groups})
        if not groups:
            return []
        chosen: dict[str, tuple[float, _Disposed]] = {}
        for disposition in _SHOWN:
            near = sorted(
                (math.dist(own, one.pushes), other)
                for other, one in self._kept.items()
                if one.disposition == disposition and other != claim_id
            )
            chosen |= {other: (distance, self._kept[other]) for distance, other in near[:NEAREST]}
        rows = (await connection.execute(_SHOWN_OF, {"ids": list(chosen)})).all() if chosen else []
        found = [
            NearestClaim(one, chosen[one][1].disposition, cents, chosen[one][0], _shared(own, chosen[one][1].pushes))
            for one, cents in rows
        ]
        return sorted(found, key=lambda one: (one.distance, one.claim_id))

    async def _read_recorded(self, connection: AsyncConnection) -> None:
        rows = await connection.execute(_RECORDED, {"since": self._since, "most": MOST_KEPT})
        for claim_id, known_at, disposition, by_code in rows:
            self._kept[claim_id] = _Disposed(disposition, _vector(by_code or {}))
            self._kept.move_to_end(claim_id)
            self._since = max(self._since, known_at - _OVERLAP)
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)


def _vector(pushes: dict[str, float]) -> tuple[float, ...]:
    """The pushes of the declared groups, and the sum of those of attributes, which each source has its own of."""
    others = sum(push for code, push in pushes.items() if code not in REASON_GROUPS)
    return (*(float(pushes.get(code, 0.0)) for code in _CODES), float(others))


def _shared(own: Sequence[float], other: Sequence[float]) -> str:
    """The group that pushes both furthest in the same direction: the largest of the smaller pushes."""
    common = [
        (min(abs(mine), abs(theirs)), code)
        for code, mine, theirs in zip(_CODES, own, other, strict=False)
        if mine * theirs > 0
    ]
    return max(common)[1] if common else ""
