"""Rings of providers, for the people who investigate."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from api.cases import SubjectKind, cases_of, open_case
from api.console.access import SignedIn
from api.console.subjects.permission import require_investigator
from api.console.subjects.ring_page import ProviderRing, RingView, provider_ring, ring_view
from api.console.subjects.ring_queries import (
    RingLine,
    RingWindow,
    claims_in,
    confirmed_among,
    latest_claim,
    region_claims,
    ring_cases,
    shared_members,
)
from api.database import Database
from api.errors import Conflict, NotFound
from api.field_keys import FieldKeys
from api.leads import case_subject_of, find_ring
from api.request_context import note_items
from claims.rings import MIN_SHARED, MOST_PROVIDERS, ring_around, tied
from core import clock


class Rings:
    """Rings and cases about them. Each method raises `Forbidden` for a role that does not investigate."""

    def __init__(self, database: Database, keys: FieldKeys) -> None:
        self._database = database
        self._keys = keys

    async def listed(self, signed_in: SignedIn) -> list[RingLine]:
        """The rings that cases are about, the latest case first."""
        require_investigator(signed_in)
        async with self._database.reading() as connection:
            found = await ring_cases(connection)
        note_items(len(found))
        return found

    async def page(self, signed_in: SignedIn, ring_id: str) -> RingView:
        """The page of a ring as it is now, or as its latest case has it; raises `NotFound`."""
        require_investigator(signed_in)
        cases = await cases_of(self._database, SubjectKind.RING, ring_id)
        async with self._database.reading() as connection:
            ring = await find_ring(connection, ring_id)
            if ring is None and not cases:
                raise NotFound("There is no ring with this id, and no case about one. See the page of a provider.")
            provider_ids = cases[0].provider_ids if ring is None else ring.provider_ids
            window = RingWindow.of(await latest_claim(connection, provider_ids) or clock.now())
            pairs = await shared_members(connection, provider_ids, window, among=True)
            confirmed = await confirmed_among(connection, provider_ids, window)
        return ring_view(ring_id, provider_ids, pairs, confirmed, cases, window)

    async def open_case(self, signed_in: SignedIn, provider_id: str) -> str:
        """Open a case about the ring around a provider, or find the open one; returns its id. Raises `Conflict`."""
        require_investigator(signed_in)
        async with self._database.reading() as connection:
            ring = await ring_of(connection, provider_id, await latest_claim(connection, [provider_id]))
            if ring is None or not ring.is_ring:
                raise Conflict("no provider is tied to this one by shared members; open a case about the provider")
            subject = await case_subject_of(connection, ring.provider_ids)
        return (await open_case(self._database, self._keys, signed_in.caller, subject)).case_id


async def ring_of(connection: AsyncConnection, provider_id: str, latest: datetime | None) -> ProviderRing | None:
    """The ring around a provider in the year up to its latest claim; `None` without a claim."""
    if latest is None:
        return None
    window = RingWindow.of(latest)
    pairs = await shared_members(connection, [provider_id], window)
    candidates = [
        pair.other if pair.one == provider_id else pair.one
        for pair in pairs
        if pair.members >= MIN_SHARED and provider_id in (pair.one, pair.other)
    ]
    if not candidates:
        return provider_ring(provider_id, [], await confirmed_among(connection, [provider_id], window), window)
    claims = await claims_in(connection, candidates[:MOST_PROVIDERS], window)
    ties = tied(provider_id, pairs, claims, await region_claims(connection, provider_id, window))
    around = list(ring_around(provider_id, ties))
    return provider_ring(provider_id, ties, await confirmed_among(connection, around, window), window)
