"""The alarm before a prompt-pay due date: claims in review that are overdue or due soon."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date, tzinfo

from sqlalchemy import Date, literal_column, select

from api import metrics
from api.database import Database
from api.intake import REVIEW_BY, ClaimRow
from claims.outcome import Outcome
from claims.prompt_pay import PromptPayClock, PromptPayState
from claims.service_days import receipt_day, stored_receipt_day
from core import clock as system_clock
from core.logging import get_logger

log = get_logger("reviews")

_LISTED = 5
"""Claims that a log line names."""


@dataclass(frozen=True, slots=True)
class DueClaim:
    """A claim in review that is overdue or due soon."""

    claim_id: str
    line_of_business: str
    state_code: str | None
    due_on: date
    days_left: int
    state: PromptPayState
    interest_cents: int


async def due_claims(database: Database, *, clock: PromptPayClock, time_zone: tzinfo) -> list[DueClaim]:
    """Every claim in review whose due date has passed or is near, the earliest first."""
    today = receipt_day(system_clock.now(), time_zone)
    review_by = literal_column(REVIEW_BY, Date)
    statement = (
        select(
            ClaimRow.claim_id,
            ClaimRow.line_of_business,
            ClaimRow.state_code,
            ClaimRow.received_at,
            ClaimRow.received_on,
            ClaimRow.reserved_cents,
        )
        .where(
            ClaimRow.status == Outcome.IN_REVIEW.value,
            ClaimRow.pay_by.is_not(None),
            review_by <= clock.alarm_day(today),
        )
        .order_by(review_by, ClaimRow.received_at, ClaimRow.claim_id)
    )
    async with database.reading() as connection:
        rows = (await connection.execute(statement)).all()
    found = []
    for claim_id, line_of_business, state_code, received_at, received_on, reserved_cents in rows:
        status = clock.status(
            line_of_business,
            state_code,
            received_on=stored_receipt_day(received_on, received_at, time_zone),
            payable_cents=reserved_cents,
            today=today,
        )
        if status is not None and status.state is not PromptPayState.ON_TIME:
            found.append(
                DueClaim(
                    claim_id=claim_id,
                    line_of_business=status.rule.line_of_business.value,
                    state_code=state_code,
                    due_on=status.due_on,
                    days_left=status.days_left,
                    state=status.state,
                    interest_cents=status.interest_cents,
                )
            )
    return found


DueClaimConsumer = Callable[[Sequence[DueClaim]], Awaitable[None]]


class PromptPayAlarm:
    """Sets the metric, and logs a warning whenever other claims are overdue or due soon than at the last check."""

    def __init__(
        self, database: Database, clock: PromptPayClock, time_zone: tzinfo, *, notify: DueClaimConsumer | None = None
    ) -> None:
        """`notify` gets all claims that are overdue or due soon, at each check."""
        self._notify = notify
        self._database = database
        self._clock = clock
        self._time_zone = time_zone
        self._reported: dict[str, PromptPayState] = {}

    async def check(self) -> int:
        """Check once; there is never more to do at once."""
        found = await due_claims(self._database, clock=self._clock, time_zone=self._time_zone)
        counts = Counter(one.state for one in found)
        for state in (PromptPayState.DUE_SOON, PromptPayState.OVERDUE):
            metrics.PROMPT_PAY.labels(state.value).set(counts[state])
        now = {one.claim_id: one.state for one in found}
        new = [one for one in found if self._reported.get(one.claim_id) is not one.state]
        if new:
            log.warning(
                "prompt pay due",
                overdue=counts[PromptPayState.OVERDUE],
                due_soon=counts[PromptPayState.DUE_SOON],
                claims=[one.claim_id for one in new[:_LISTED]],
                earliest=str(new[0].due_on),
            )
        self._reported = now
        if self._notify is not None:
            await self._notify(found)
        return 0
