"""What the pages of samples read and do, for people who may see cases."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from api import cases, samples
from api.cases import CaseRecord
from api.console.access import SignedIn
from api.console.confirming import confirmation_of_session
from api.console.samples.entered import amount_of, choice_of, day_of, entered_reviews, number_of, plan_of
from api.database import Database
from api.errors import Forbidden, Invalid
from api.field_keys import FieldKeys
from api.identity import Scope
from api.request_context import note_items
from api.samples import (
    DemandLetter,
    EntryKind,
    OverpaymentReason,
    SampleDetails,
    SampleItem,
    SampleRecord,
    demand_letter,
)
from claims.sampling import Estimator
from core import clock
from core.settings import Settings

ITEMS_ON_PAGE: Final = 25
APPEAL_DAYS: Final = 60
DUE_DAYS: Final = 30
REASONS: Final = tuple((one.value, one.value.replace("_", " ")) for one in OverpaymentReason)
KINDS: Final = tuple(
    (one.value, text)
    for one, text in (
        (EntryKind.RECEIVED, "received"),
        (EntryKind.APPEALED, "appealed by the provider"),
        (EntryKind.REDUCED, "reduced (lead)"),
        (EntryKind.WRITTEN_OFF, "written off (lead)"),
    )
)


@dataclass(frozen=True, slots=True)
class SampleListPage:
    """The samples of a case."""

    case: CaseRecord
    samples: list[SampleRecord]
    may_draw: bool


@dataclass(frozen=True, slots=True)
class SamplePage:
    """One sample."""

    case: CaseRecord
    details: SampleDetails
    items: list[SampleItem]
    """Of this page of the worksheet."""
    first: int
    """Position of the first of them."""
    earlier: int | None
    later: int | None
    """First positions of the pages before and after."""
    may_review: bool
    may_fix: bool
    may_demand: bool
    may_book: bool
    today: date


class CaseSamples:
    """Samples for people who may see cases. Each method raises `Forbidden` for others."""

    def __init__(self, database: Database, keys: FieldKeys, settings: Settings) -> None:
        self._database = database
        self._keys = keys
        self._settings = settings

    async def listed(self, signed_in: SignedIn, case_id: str) -> SampleListPage:
        """The samples of a case. Raises `NotFound`."""
        _require(signed_in)
        case = await cases.case(self._database, case_id)
        found = await samples.samples_of(self._database, case_id)
        note_items(len(found))
        return SampleListPage(case, found, case.is_open and signed_in.may(Scope.CASES_WORK))

    async def page(self, signed_in: SignedIn, case_id: str, sample_id: str, first: int = 1) -> SamplePage:
        """A sample, with the claims of its worksheet from a position on. Raises `NotFound`."""
        _require(signed_in)
        case = await cases.case(self._database, case_id)
        details = await samples.sample(self._database, case_id, sample_id)
        size = len(details.items)
        first = min(max(1, first), size)
        shown = list(details.items[first - 1 : first - 1 + ITEMS_ON_PAGE])
        note_items(len(shown))
        works, fixed = signed_in.may(Scope.CASES_WORK), details.record.estimate
        return SamplePage(
            case=case,
            details=details,
            items=shown,
            first=first,
            earlier=max(1, first - ITEMS_ON_PAGE) if first > 1 else None,
            later=first + ITEMS_ON_PAGE if first + ITEMS_ON_PAGE <= size else None,
            may_review=works and case.is_open and fixed is None,
            may_fix=works and case.is_open and fixed is None and details.reviewed == size,
            may_demand=(
                signed_in.may(Scope.APPROVE)
                and works
                and fixed is not None
                and fixed.demand_cents > 0
                and details.recoupment is None
            ),
            may_book=works and details.recoupment is not None and details.balance_cents > 0,
            today=clock.now().date(),
        )

    async def draw(self, signed_in: SignedIn, case_id: str, entered: Mapping[str, str]) -> str:
        """Draw the sample of a form; returns its id. Raises `Invalid`, `Conflict`, `NotFound`."""
        _require(signed_in)
        plan = plan_of(entered)
        made = await samples.create_sample(self._database, self._keys, signed_in.caller, case_id, plan)
        return made.record.sample_id

    async def review(self, signed_in: SignedIn, case_id: str, sample_id: str, entered: Mapping[str, str]) -> None:
        """Record the rows of a worksheet form that have an amount. Raises `Invalid`, `Conflict`, `NotFound`."""
        _require(signed_in)
        details = await samples.sample(self._database, case_id, sample_id)
        reviews = entered_reviews(details.items, entered)
        await samples.record_reviews(self._database, self._keys, signed_in.caller, case_id, sample_id, reviews)

    async def fix(self, signed_in: SignedIn, case_id: str, sample_id: str, entered: Mapping[str, str]) -> None:
        """Fix the estimate. Raises `Invalid`, `Conflict`, `NotFound`."""
        _require(signed_in)
        estimator = choice_of(Estimator, entered, "estimator")
        await samples.fix_estimate(self._database, self._keys, signed_in.caller, case_id, sample_id, estimator)

    async def demand(self, signed_in: SignedIn, case_id: str, sample_id: str, entered: Mapping[str, str]) -> None:
        """Demand the overpayment. Raises `Invalid`, `Conflict`, `NotFound`, `StepUpRequired`, `SignatureRequired`."""
        _require(signed_in)
        await samples.demand(
            self._database,
            self._keys,
            signed_in.caller,
            case_id,
            sample_id,
            due_on=day_of(entered, "due_on"),
            appeal_until=day_of(entered, "appeal_until"),
            confirmation=confirmation_of_session(signed_in, self._settings),
        )

    async def book(self, signed_in: SignedIn, case_id: str, sample_id: str, entered: Mapping[str, str]) -> None:
        """Add a line to the ledger. Raises `Invalid`, `Conflict`, `NotFound`, `StepUpRequired`, `SignatureRequired`.

        The form says how many lines it was shown with: one that is sent twice adds one line.
        """
        _require(signed_in)
        found = await samples.sample(self._database, case_id, sample_id)
        if number_of(entered, "lines") != len(found.entries):
            raise Invalid.field("amount", "was not booked: the ledger has changed since this form was shown")
        kind, cents = choice_of(EntryKind, entered, "kind"), amount_of(entered, "amount")
        confirmation = confirmation_of_session(signed_in, self._settings)
        await samples.add_entry(
            self._database, self._keys, signed_in.caller, case_id, sample_id, kind, cents, confirmation=confirmation
        )

    async def letter(self, signed_in: SignedIn, case_id: str, sample_id: str) -> DemandLetter:
        """The letter of a demand. Raises `Conflict`, `NotFound`."""
        _require(signed_in)
        return demand_letter(await samples.sample(self._database, case_id, sample_id), self._settings.payer_name)

    async def frame(self, signed_in: SignedIn, case_id: str, sample_id: str) -> str:
        """The canonical text of the frame. Raises `NotFound`."""
        _require(signed_in)
        return await samples.frame_text(self._database, case_id, sample_id)


def _require(signed_in: SignedIn) -> None:
    if not signed_in.may(Scope.CASES_READ):
        raise Forbidden(f"The role {signed_in.role} sees no cases; ask for an investigator's key.")
