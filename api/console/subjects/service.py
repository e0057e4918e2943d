"""The contents of the pages about providers, for the people who investigate."""

from typing import Final

from api.console.access import SignedIn
from api.console.subjects.claims_table import MOST_EXPORTED, PAGE_SIZE, SubjectColumn, claims_csv, claims_of
from api.console.subjects.provider_page import ProviderView, provider_page, span_of
from api.console.subjects.provider_queries import outcomes_of, practice_of, profile_of
from api.database import Database
from api.errors import Forbidden, NotFound
from api.identity import Scope
from api.paging import PageCursor, write_cursor
from api.request_context import note_items
from core import clock

_UNKNOWN_PROVIDER: Final = "There is no provider with this id, and no claim of one. Check it in the claims system."


class Subjects:
    """Pages about subjects. Each method raises `Forbidden` for a role that does not investigate."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def provider(self, signed_in: SignedIn, provider_id: str, after: PageCursor | None) -> ProviderView:
        """The page of a provider; raises `NotFound`."""
        require_investigator(signed_in)
        now = clock.now()
        async with self._database.reading() as connection:
            profile = await profile_of(connection, provider_id)
            if profile is None:
                raise NotFound(_UNKNOWN_PROVIDER)
            first, end = span_of(profile.latest_claim, now)
            practice = await practice_of(connection, profile, first, end)
            outcomes = await outcomes_of(connection, provider_id, first, end)
            claims = await claims_of(connection, "provider_id", provider_id, after, PAGE_SIZE)
        note_items(len(claims.items))
        return provider_page(
            profile,
            practice,
            outcomes,
            claims.items,
            first=first,
            after=end,
            today=now.date(),
            next_page=write_cursor(claims.next_place),
        )

    async def exported(self, signed_in: SignedIn, column: SubjectColumn, subject_id: str) -> bytes:
        """The latest claims of a provider or member as a CSV file."""
        require_investigator(signed_in)
        async with self._database.reading() as connection:
            claims = await claims_of(connection, column, subject_id, None, MOST_EXPORTED)
        note_items(len(claims.items))
        return claims_csv(claims.items)


def require_investigator(signed_in: SignedIn) -> None:
    """Raises `Forbidden` for a role that does not investigate."""
    if not signed_in.may(Scope.FINDINGS):
        raise Forbidden(
            f"role {signed_in.role} does not investigate; an investigator or lead investigator sees this page"
        )
