"""What the pages of providers and members read and do: the services of the API, for the same caller."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Final

from api import cases
from api.appeals import AppealOut, Appeals
from api.code_tables import adjustment_texts
from api.console.access import SignedIn
from api.console.own.forms import appeal_of
from api.console.own.view import OwnClaimPage, OwnHome, claim_line, claim_page, missing_documents
from api.database import Database, fetch
from api.errors import Forbidden
from api.field_keys import FieldKeys
from api.identity import PROVIDER, Scope
from api.intake import ClaimOut, Intake, lines_of_claims
from api.paging import ListPage, PageCursor
from api.payments import payment_of
from api.request_context import note_items
from core import clock

PAGE_SIZE: Final = 50
_MOST_WAITING: Final = 100
"""Claims in review, newest first, among which those that wait for documents are looked for."""
_NOT_ENTERED: Final = frozenset({"author", "form_token"})


@dataclass(frozen=True, slots=True)
class OwnQuery:
    """What is chosen of the list: a status, and days of receipt."""

    status: str | None = None
    first_day: date | None = None
    last_day: date | None = None

    @property
    def is_all(self) -> bool:
        """Whether nothing is chosen."""
        return self == OwnQuery()


class OwnClaims:
    """The service of these pages. It holds no rule: what it shows is what the API responds to the caller."""

    def __init__(
        self, database: Database, intake: Intake, appeals: Appeals, keys: FieldKeys, time_zone: tzinfo
    ) -> None:
        """Days are those of the insurer's `time_zone`."""
        self._database = database
        self._intake = intake
        self._appeals = appeals
        self._keys = keys
        self._zone = time_zone

    async def home(self, signed_in: SignedIn, query: OwnQuery, after: PageCursor | None) -> OwnHome:
        """A page of the claims of the caller, newest first; raises `Forbidden`."""
        _require(signed_in, Scope.READ)
        role = signed_in.role
        page = await self._page(signed_in, query, after)
        waiting: list[ClaimOut] = []
        if after is None and query.is_all:
            reviewed = await self._intake.page(
                signed_in.caller, after=None, limit=_MOST_WAITING, filters={"status": "in_review"}
            )
            waiting = [one for one in reviewed.items if missing_documents(one, None) is not None]
        note_items(len(page.items))
        return OwnHome(
            rows=[claim_line(one, role, self._zone) for one in page.items],
            waiting=[claim_line(one, role, self._zone) for one in waiting],
            other="Member" if role == PROVIDER else "Provider",
            next_place=page.next_place,
        )

    async def claim(self, signed_in: SignedIn, claim_id: str) -> OwnClaimPage:
        """A claim of the caller. Raises `Forbidden`, `NotFound`, `ConsentMissing`, and what `FieldKeys` raises."""
        _require(signed_in, Scope.READ)
        caller = signed_in.caller
        claim = await self._intake.get(caller, claim_id)
        appeals = await self._appeals.of_claim(caller, claim_id)
        right = await self._appeals.right(caller, claim_id)
        codes = [] if claim.payment is None else payment_of(claim.payment, denied=False).codes
        async with self._database.reading() as connection:
            lines = await lines_of_claims(connection, [claim_id])
            texts = await fetch(connection, adjustment_texts(codes, clock.now())) if codes else {}
        today = self._appeals.today()
        return claim_page(
            claim,
            lines.get(claim_id, []),
            [AppealOut.of(one, today, sees_scores=caller.sees_scores) for one in appeals],
            right,
            texts,
            may_appeal=caller.may(Scope.APPEAL),
            today=today,
            zone=self._zone,
            author=await cases.author_of_form(self._keys, signed_in.actor_id, claim_id),
            draft=await cases.kept_draft(self._database, self._keys, signed_in.actor_id, claim_id),
        )

    async def appeal(self, signed_in: SignedIn, claim_id: str, entered: Mapping[str, str]) -> None:
        """File the appeal of a form. Raises `Forbidden`, `NotFound`, `Invalid`, `Conflict`, `OutcomeUnknown`."""
        _require(signed_in, Scope.APPEAL)
        sent, body = appeal_of(entered, signed_in.role)
        await self._appeals.file(signed_in.caller, claim_id, sent, body)
        await cases.drop_draft(self._database, signed_in.actor_id, claim_id)

    async def keep(self, claim_id: str, entered: Mapping[str, str]) -> bool:
        """Keep what a form without a session had, for its author; False: no page of the console made the form."""
        kept = {name: value for name, value in entered.items() if name not in _NOT_ENTERED}
        return await cases.keep_draft(self._database, self._keys, claim_id, entered.get("author", ""), kept)

    async def _page(self, signed_in: SignedIn, query: OwnQuery, after: PageCursor | None) -> ListPage[ClaimOut]:
        """Claims newest first, so those before the first day end the list."""
        until = None if query.last_day is None else self._begin(query.last_day + timedelta(days=1))
        filters = {} if query.status is None else {"status": query.status}
        page = await self._intake.page(signed_in.caller, after=after, until=until, limit=PAGE_SIZE, filters=filters)
        if query.first_day is None:
            return page
        begins = self._begin(query.first_day)
        within = [one for one in page.items if one.received_at >= begins]
        return ListPage(within, page.next_place if len(within) == len(page.items) else None)

    def _begin(self, day: date) -> datetime:
        return datetime.combine(day, time(), self._zone)


def _require(signed_in: SignedIn, scope: Scope) -> None:
    if not signed_in.may(scope):
        raise Forbidden(f"the key was created without scope {scope.value}; use another key")
