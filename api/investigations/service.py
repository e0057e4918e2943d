"""The week's list and what is found; each verb is one transaction.

Who chooses is not decided here: `choose` takes the week's scored claims and says which, and with what chance
(`pipelines/loop/selection.py` does; the command line joins the two).
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypedDict, Unpack

from sqlalchemy.ext.asyncio import AsyncConnection

from api.database import Database
from api.errors import Conflict, Invalid, NotFound
from api.investigations import repository
from api.investigations.tables import DISPOSITIONS
from claims.outcome import Outcome
from claims.review import IS_FRAUD, Disposition, RecoveryError, check_recovery
from core import clock


@dataclass(frozen=True, slots=True)
class ScoredClaim:
    """A claim of the week with the score that counts."""

    claim_id: str
    probability: float
    model_version: str


@dataclass(frozen=True, slots=True)
class Choice:
    """A claim that goes on the list."""

    claim_id: str
    selected_by: str
    propensity: float


@dataclass(frozen=True, slots=True)
class Listed:
    """A row of a week's list; `disposition` is what was found of it so far."""

    claim_id: str
    selected_by: str
    propensity: float
    probability: float
    model_version: str
    received_at: datetime
    provider_id: str | None
    amount_cents: int
    disposition: str | None


@dataclass(frozen=True, slots=True)
class Finding:
    """What somebody found of a claim."""

    disposition: str
    kind: str | None
    amount_recovered_cents: int
    decided_by: str
    note: str | None
    known_at: datetime


class FindingDetails(TypedDict, total=False):
    """What a finding may say beside its disposition; what is left out is 0 or null."""

    amount_recovered_cents: int
    kind: str | None
    note: str | None


Choose = Callable[[Sequence[ScoredClaim]], Sequence[Choice]]


def monday_of(day: date) -> date:
    """The Monday of a day's week."""
    return day - timedelta(days=day.weekday())


async def select_week(database: Database, week: date, choose: Choose) -> list[Listed]:
    """The list of the week that begins on a Monday, made once: asked again, it is the list that was made.

    Raises `Conflict` while the week is not over: the chances would be those of a part of its claims.
    """
    first = datetime.combine(monday_of(week), time(), UTC)
    until = first + timedelta(days=7)
    if until > clock.now():
        raise Conflict(f"the week of {first:%Y-%m-%d} is not over; its list is made from {until:%Y-%m-%d}")
    async with database.transaction() as connection:
        await repository.hold_week(connection, first.date())
        if not await repository.selections_of(connection, first.date()):
            scored = [ScoredClaim(*row) for row in await repository.scored_between(connection, first, until)]
            of = {claim.claim_id: claim for claim in scored}
            now = clock.now()
            rows: list[dict[str, Any]] = [
                {
                    "claim_id": choice.claim_id,
                    "week": first.date(),
                    "selected_by": choice.selected_by,
                    "propensity": choice.propensity,
                    "probability": of[choice.claim_id].probability,
                    "model_version": of[choice.claim_id].model_version,
                    "made_at": now,
                }
                for choice in (choose(scored) if scored else ())
            ]
            await repository.add_selections(connection, rows)
        return [Listed(*row) for row in await repository.selections_of(connection, first.date())]


async def record(
    database: Database,
    claim_id: str,
    disposition: str,
    *,
    decided_by: str,
    **details: Unpack[FindingDetails],
) -> Finding:
    """Store a finding, and with it the label, as known from this moment; the latest finding sent again is kept once.

    Known from now and never from before: features tell each day what was known by its midnight, and a finding that
    entered yesterday would make yesterday's scores look as if they had known. The moment is the database's; a finding
    that commits after the midnight it belongs to enters history by the label's event in the outbox. An inconclusive
    finding withdraws the standing one: the truth is unknown again. Raises `NotFound`, `Invalid`.
    """
    async with database.transaction() as connection:
        return await record_within(connection, claim_id, disposition, decided_by=decided_by, **details)


async def record_within(
    connection: AsyncConnection,
    claim_id: str,
    disposition: str,
    *,
    decided_by: str,
    amount_recovered_cents: int = 0,
    kind: str | None = None,
    note: str | None = None,
) -> Finding:
    """As `record`, in the transaction of `connection`."""
    found = _check(disposition, decided_by)
    claim = await repository.hold_claim(connection, claim_id)
    if claim is None:
        raise NotFound(f"there is no claim {claim_id}")
    # After the claim is locked, so that two findings on one claim are known in the order of their commits.
    known_at = await repository.next_known_at(connection, claim_id)
    finding = Finding(disposition, kind, amount_recovered_cents, decided_by, note, known_at)
    latest = [Finding(*row) for row in (await repository.dispositions_of(connection, claim_id))[:1]]
    if latest and replace(latest[0], known_at=known_at) == finding:
        return latest[0]
    status, paid_cents = claim
    try:
        check_recovery(
            disposition=found,
            amount_cents=amount_recovered_cents,
            outcome=None if status == "voided" else Outcome(status),
            paid_cents=paid_cents,
            recovered_cents=await repository.recovered_of(connection, claim_id),
        )
    except RecoveryError as error:
        raise Invalid.field("amount_recovered", str(error)) from None
    if kind is not None and found is not Disposition.CONFIRMED:
        raise Invalid.field("kind", "only confirmed fraud has a kind; leave it out")
    await repository.add_disposition(connection, claim_id=claim_id, **asdict(finding))
    await repository.add_label(connection, claim_id=claim_id, known_at=known_at, is_fraud=IS_FRAUD[found], kind=kind)
    return finding


async def found(database: Database, claim_id: str) -> list[Finding]:
    """Everything found of a claim, the latest first; raises `NotFound`."""
    async with database.reading() as connection:
        if not await repository.is_there(connection, claim_id):
            raise NotFound(f"there is no claim {claim_id}")
        return [Finding(*row) for row in await repository.dispositions_of(connection, claim_id)]


async def reviews(database: Database, day: date | None) -> tuple[date | None, list[Listed]]:
    """The Monday and the list of a day's week; `None`: of the latest week that has one. No list is an empty one."""
    async with database.reading() as connection:
        week = await repository.latest_week(connection) if day is None else monday_of(day)
        rows = () if week is None else await repository.selections_of(connection, week)
    return week, [Listed(*row) for row in rows]


def _check(disposition: str, decided_by: str) -> Disposition:
    if disposition not in DISPOSITIONS:
        raise Invalid.field("disposition", f"take one of {', '.join(DISPOSITIONS)}")
    if not decided_by.strip():
        raise Invalid.field("decided_by", "somebody answers for a finding; give a name")
    return Disposition(disposition)
