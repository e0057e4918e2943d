"""The contents of the pages about providers and members, for the people who investigate."""

from typing import Final

from api import audit
from api.audit import Subject
from api.cases import CaseSubject, SubjectKind, cases_of, open_case
from api.console.access import SignedIn
from api.console.subjects.claims_table import MOST_EXPORTED, PAGE_SIZE, SubjectColumn, claims_csv, claims_of
from api.console.subjects.member_page import REVEAL_PURPOSES, MemberView, RevealedIdentity, member_view
from api.console.subjects.member_queries import identity_of, member_history, member_profile
from api.console.subjects.months import span_of
from api.console.subjects.permission import require_investigator
from api.console.subjects.provider_page import ProviderView, provider_page
from api.console.subjects.provider_queries import outcomes_of, practice_of, profile_of
from api.console.subjects.rings import Rings, ring_of
from api.database import Database, fetch
from api.errors import Invalid, NotFound
from api.field_keys import FieldKeys
from api.paging import PageCursor, write_cursor
from api.request_context import note_items, note_purpose
from core import clock

_MOST_CASES: Final = 20
_UNKNOWN_MEMBER: Final = "There is no member with this id, and no claim of one. Check it in the claims system."
_UNKNOWN_PROVIDER: Final = "There is no provider with this id, and no claim of one. Check it in the claims system."


class Subjects:
    """Pages about subjects. Each method raises `Forbidden` for a role that does not investigate."""

    def __init__(self, database: Database, keys: FieldKeys) -> None:
        self._database = database
        self._keys = keys
        self.rings = Rings(database, keys)

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
            ring = await ring_of(connection, provider_id, profile.latest_claim)
            claims = await claims_of(connection, "provider_id", provider_id, after, PAGE_SIZE)
        cases = await cases_of(self._database, SubjectKind.PROVIDER, provider_id, limit=_MOST_CASES)
        note_items(len(claims.items))
        return provider_page(
            profile,
            practice,
            outcomes,
            ring,
            cases,
            claims.items,
            first=first,
            after=end,
            today=now.date(),
            next_page=write_cursor(claims.next_place),
        )

    async def member(
        self,
        signed_in: SignedIn,
        member_id: str,
        after: PageCursor | None,
        identity: RevealedIdentity | None = None,
    ) -> MemberView:
        """The page of a member, masked unless `identity` was revealed; raises `NotFound`."""
        require_investigator(signed_in)
        async with self._database.reading() as connection:
            profile = await member_profile(connection, member_id)
            if profile is None:
                raise NotFound(_UNKNOWN_MEMBER)
            first, end = span_of(profile.latest_claim, clock.now())
            history = await member_history(connection, member_id, first, end)
            claims = await claims_of(connection, "member_id", member_id, after, PAGE_SIZE)
        cases = await cases_of(self._database, SubjectKind.MEMBER, member_id, limit=_MOST_CASES)
        return member_view(
            profile,
            history,
            cases,
            claims.items,
            first=first,
            after=end,
            next_page=write_cursor(claims.next_place),
            identity=identity,
        )

    async def reveal(self, signed_in: SignedIn, member_id: str, purpose: str) -> RevealedIdentity:
        """Who a member is, recorded with the purpose before it is shown.

        Raises `Invalid` for a purpose that the form does not offer, and `NotFound`.
        """
        require_investigator(signed_in)
        if purpose not in REVEAL_PURPOSES:
            allowed = ", ".join(REVEAL_PURPOSES)
            raise Invalid.field("purpose", f"must be one of {allowed}; choose what the identity is needed for")
        note_purpose(purpose)
        async with self._database.transaction() as connection:
            identity = await identity_of(connection, self._keys, member_id)
            if identity is None:
                raise NotFound(_UNKNOWN_MEMBER)
            subject = Subject("member", member_id)
            row = audit.record(signed_in.caller, "member.reveal", None, {}, clock.now(), subject=subject)
            await fetch(connection, row)
        return RevealedIdentity.of(identity, purpose)

    async def open_case(self, signed_in: SignedIn, subject: CaseSubject) -> str:
        """Open a case about a provider or member, or find the open one; returns its id. Raises `NotFound`."""
        require_investigator(signed_in)
        async with self._database.reading() as connection:
            if subject.kind is SubjectKind.PROVIDER:
                is_known = await profile_of(connection, subject.subject_id) is not None
            else:
                is_known = await member_profile(connection, subject.subject_id) is not None
        if not is_known:
            raise NotFound(_UNKNOWN_PROVIDER if subject.kind is SubjectKind.PROVIDER else _UNKNOWN_MEMBER)
        return (await open_case(self._database, self._keys, signed_in.caller, subject)).case_id

    async def exported(self, signed_in: SignedIn, column: SubjectColumn, subject_id: str) -> str:
        """The latest claims of a provider or member as a CSV file."""
        require_investigator(signed_in)
        async with self._database.reading() as connection:
            claims = await claims_of(connection, column, subject_id, None, MOST_EXPORTED)
        note_items(len(claims.items))
        return claims_csv(claims.items)
