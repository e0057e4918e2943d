"""Samples of a case: draw, review, estimate. What changes something is one transaction with its event and audit row."""

import secrets
from collections.abc import Sequence
from typing import Final

from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncConnection

from api.cases import CaseRecord, SubjectKind, add_event, lock_open_case, require_own, require_worker
from api.database import Database
from api.errors import Conflict, Invalid, NotFound
from api.field_keys import FieldKeys
from api.identity import Caller
from api.samples import repository
from api.samples.records import (
    MAX_FRAME,
    MAX_SAMPLE,
    MAX_SAMPLES,
    MAX_STRATA,
    FixedEstimate,
    ItemReview,
    OverpaymentReason,
    SampleDetails,
    SampledStratum,
    SampleItem,
    SamplePlan,
    SampleRecord,
    StoredWarning,
)
from claims.sampling import (
    DRAW_METHOD,
    Draw,
    Estimator,
    ReviewedUnit,
    SamplingError,
    SamplingFrame,
    StratumSize,
    allocate,
    draw,
    estimate_errors,
    estimate_overpayment,
    planned_strata,
    sample_size,
    stratify_by_amount,
    warnings_of,
)
from core import clock
from core.ids import new_id

NO_SAMPLE: Final = "sample not found; the page of the case lists those that there are"
_CONFIDENCE: Final = 0.8
_NAMED: Final = 5


async def create_sample(
    database: Database, keys: FieldKeys, caller: Caller, case_id: str, plan: SamplePlan
) -> SampleDetails:
    """Draw a sample of the paid claims of a provider of an open case, and store it with its frame.

    Raises `Forbidden`, `NotFound`, `Conflict`, and `Invalid` for a plan that gives no sample.
    """
    require_worker(caller)
    async with database.transaction() as connection:
        case = await lock_open_case(connection, case_id)
        require_own(caller, case)
        earlier = await repository.samples_of_case(connection, case_id, MAX_SAMPLES)
        if len(earlier) >= MAX_SAMPLES:
            raise Conflict(f"the case has {MAX_SAMPLES} samples, the most that are allowed; use one of them")
        provider_id = _provider_of(case, plan)
        frame = await _frame(connection, provider_id, plan)
        drawn = _draw(frame, plan)
        sample = SampleRecord(
            sample_id=new_id("smp"),
            case_id=case_id,
            provider_id=provider_id,
            first_day=plan.first_day,
            last_day=plan.last_day,
            boundaries_cents=plan.boundaries_cents,
            frame_sha256=frame.sha256,
            frame_units=len(frame.units),
            frame_cents=frame.paid_cents,
            method=DRAW_METHOD,
            seed=drawn.seed,
            strata=tuple(
                SampledStratum(one.name, one.units, one.paid_cents, drawn.sizes[one.name]) for one in frame.strata
            ),
            created_at=clock.now(),
            created_by=caller.actor_id,
            estimate=None,
            fixed_at=None,
            fixed_by=None,
        )
        items = [
            SampleItem(
                *(one.position, one.unit.unit_id, one.unit.stratum, one.unit.paid_cents, one.number),
                *(None, None, None, None),
            )
            for one in drawn.drawn
        ]
        await repository.add_sample(connection, sample, frame.canonical_text(), items)
        details: dict[str, JsonValue] = {
            "sample_id": sample.sample_id,
            "frame_sha256": frame.sha256,
            "frame_units": len(frame.units),
            "seed": drawn.seed,
            "size": sample.size,
        }
        await add_event(connection, keys, caller, case_id, "sample.draw", details)
    return SampleDetails(sample, tuple(items), None, ())


async def samples_of(database: Database, case_id: str) -> list[SampleRecord]:
    """The samples of a case, the first first: each draw is kept, so that none can be drawn until it suits."""
    async with database.reading() as connection:
        return await repository.samples_of_case(connection, case_id, MAX_SAMPLES)


async def sample(database: Database, case_id: str, sample_id: str) -> SampleDetails:
    """A sample with its claims, demand and ledger. Raises `NotFound`."""
    async with database.reading() as connection:
        return await details_of(connection, await found_sample(connection, case_id, sample_id))


async def frame_text(database: Database, case_id: str, sample_id: str) -> str:
    """The canonical text of the frame of a sample, whose SHA-256 is `frame_sha256`. Raises `NotFound`."""
    async with database.reading() as connection:
        text = await repository.frame_of(connection, case_id, sample_id)
    if text is None:
        raise NotFound(NO_SAMPLE)
    return text


async def record_reviews(
    database: Database, keys: FieldKeys, caller: Caller, case_id: str, sample_id: str, reviews: Sequence[ItemReview]
) -> SampleDetails:
    """Record what should have been paid for drawn claims; it can be changed until the estimate is fixed.

    Raises `Forbidden`, `NotFound`, `Conflict`, `Invalid` for a claim that was not drawn or a reason that contradicts
    the amount.
    """
    require_worker(caller)
    async with database.transaction() as connection:
        case = await lock_open_case(connection, case_id)
        require_own(caller, case)
        found = await found_sample(connection, case_id, sample_id, lock=True)
        if found.estimate is not None:
            raise Conflict("the estimate of this sample is fixed; its reviews can no longer be changed")
        _check_reviews(await repository.items_of(connection, sample_id), reviews)
        await repository.set_reviews(connection, sample_id, reviews, by=caller.actor_id, at=clock.now())
        details: dict[str, JsonValue] = {
            "sample_id": sample_id,
            "correct_cents": {one.claim_id: one.correct_cents for one in reviews},
        }
        await add_event(connection, keys, caller, case_id, "sample.review", details)
        return await details_of(connection, found)


async def fix_estimate(
    database: Database,
    keys: FieldKeys,
    caller: Caller,
    case_id: str,
    sample_id: str,
    estimator: Estimator = Estimator.DIFFERENCE,
) -> SampleDetails:
    """Compute the estimate of a sample whose claims are all reviewed, and fix it.

    The sample is drawn once more from the stored frame and must be the same. Raises `Forbidden`, `NotFound` and
    `Conflict`.
    """
    require_worker(caller)
    async with database.transaction() as connection:
        case = await lock_open_case(connection, case_id)
        require_own(caller, case)
        found = await found_sample(connection, case_id, sample_id, lock=True)
        if found.estimate is not None:
            return await details_of(connection, found)
        items = await repository.items_of(connection, sample_id)
        if missing := sum(one.correct_cents is None for one in items):
            raise Conflict(f"{missing} of {len(items)} claims are not reviewed yet; review them first")
        _check_drawn(found, await repository.frame_of(connection, case_id, sample_id) or "", items)
        estimate = _estimated(found, items, estimator)
        await repository.set_estimate(connection, sample_id, estimate, by=caller.actor_id, at=clock.now())
        details: dict[str, JsonValue] = {
            "sample_id": sample_id,
            "point_cents": estimate.point_cents,
            "lower_cents": estimate.lower_cents,
            "demand_cents": estimate.demand_cents,
            "warnings": [one.code for one in estimate.warnings],
        }
        await add_event(connection, keys, caller, case_id, "sample.estimate", details)
        return await details_of(connection, await found_sample(connection, case_id, sample_id))


async def found_sample(
    connection: AsyncConnection, case_id: str, sample_id: str, *, lock: bool = False
) -> SampleRecord:
    """A sample of a case; raises `NotFound`."""
    found = await repository.find_sample(connection, case_id, sample_id, lock=lock)
    if found is None:
        raise NotFound(NO_SAMPLE)
    return found


async def details_of(connection: AsyncConnection, found: SampleRecord) -> SampleDetails:
    """A sample with what belongs to it."""
    items = await repository.items_of(connection, found.sample_id)
    recoupment = await repository.find_recoupment(connection, found.sample_id)
    entries = [] if recoupment is None else await repository.entries_of(connection, recoupment.recoupment_id)
    return SampleDetails(found, tuple(items), recoupment, tuple(entries))


def _provider_of(case: CaseRecord, plan: SamplePlan) -> str:
    if case.subject_kind == SubjectKind.MEMBER.value:
        raise Invalid.field("case_id", "must be a case about a provider or a ring: an overpayment is a provider's")
    allowed = case.provider_ids or (case.subject_id,)
    if plan.provider_id is None and len(allowed) == 1:
        return allowed[0]
    if plan.provider_id not in allowed:
        raise Invalid.field("provider_id", f"must be a provider of the case: {', '.join(allowed)}")
    return plan.provider_id


async def _frame(connection: AsyncConnection, provider_id: str, plan: SamplePlan) -> SamplingFrame:
    if plan.last_day < plan.first_day:
        raise Invalid.field("last_day", "must not be before first_day")
    units = await repository.paid_claims(connection, provider_id, plan.first_day, plan.last_day)
    if not units:
        raise Invalid.field("first_day", f"{provider_id} has no paid claim in this period; choose another one")
    if len(units) > MAX_FRAME:
        raise Invalid.field("last_day", f"the period has more than {MAX_FRAME:,} paid claims; choose a shorter one")
    if not plan.boundaries_cents:
        return SamplingFrame.of(units)
    try:
        frame = stratify_by_amount(units, plan.boundaries_cents)
    except SamplingError as error:
        raise Invalid.field("boundaries", str(error)) from None
    if len(plan.boundaries_cents) >= MAX_STRATA:
        raise Invalid.field("boundaries", f"must be at most {MAX_STRATA - 1} amounts")
    return frame


def _draw(frame: SamplingFrame, plan: SamplePlan) -> Draw:
    try:
        planned = planned_strata(frame, plan.error_rate)
    except SamplingError as error:
        raise Invalid.field("error_rate", str(error)) from None
    try:
        if plan.size is None:
            expected = sum(one.units * one.mean_cents for one in planned)
            sizes = sample_size(
                planned,
                precision_cents=plan.precision * expected,
                confidence=_CONFIDENCE,
                allocation=plan.allocation,
            ).sizes
        else:
            sizes = allocate(planned, plan.size, plan.allocation)
    except SamplingError as error:
        raise Invalid.field("size", str(error)) from None
    if sum(sizes.values()) > MAX_SAMPLE:
        raise Invalid.field("size", f"must be at most {MAX_SAMPLE:,} claims; stratify by amount, or say a size")
    try:
        return draw(frame, secrets.token_hex(16) if plan.seed is None else plan.seed, sizes)
    except SamplingError as error:
        raise Invalid.field("seed", str(error)) from None


def _check_reviews(items: Sequence[SampleItem], reviews: Sequence[ItemReview]) -> None:
    paid = {one.claim_id: one.paid_cents for one in items}
    asked = [one.claim_id for one in reviews]
    if len(set(asked)) != len(asked) or not asked:
        raise Invalid.field("items", "must name at least one claim, and each once")
    if unknown := sorted(set(asked) - set(paid)):
        raise Invalid.field("items", f"{', '.join(unknown[:_NAMED])} was not drawn; review the claims of the sample")
    for one in reviews:
        over = paid[one.claim_id] - one.correct_cents
        if (one.reason is OverpaymentReason.CORRECT) != (over == 0) or (one.reason is OverpaymentReason.UNDERPAID) != (
            over < 0
        ):
            raise Invalid.field(
                "reason",
                f"of {one.claim_id} must be correct where the correct amount is what was paid, underpaid where it is "
                "above, and another where it is below",
            )


def _check_drawn(found: SampleRecord, frame: str, items: Sequence[SampleItem]) -> None:
    """Raise `Conflict` unless frame and seed give the stored sample."""
    try:
        parsed = SamplingFrame.parse(frame)
        again = draw(parsed, found.seed, {one.name: one.size for one in found.strata})
    except SamplingError as error:
        raise Conflict(f"the stored frame gives no sample: {error}") from None
    drawn = [(one.position, one.unit.unit_id, one.unit.stratum, one.unit.paid_cents) for one in again.drawn]
    stored = [(one.position, one.claim_id, one.stratum, one.paid_cents) for one in items]
    if parsed.sha256 != found.frame_sha256 or drawn != stored:
        raise Conflict("the stored frame and seed do not give this sample: it was changed; draw a new one")


def _estimated(found: SampleRecord, items: Sequence[SampleItem], estimator: Estimator) -> FixedEstimate:
    sizes = [StratumSize(one.name, one.units, one.paid_cents) for one in found.strata]
    reviewed = [ReviewedUnit(one.claim_id, one.stratum, one.paid_cents, one.correct_cents or 0) for one in items]
    try:
        made = estimate_overpayment(sizes, reviewed, estimator=estimator)
    except SamplingError as error:
        raise Conflict(f"this sample gives no estimate: {error}") from None
    wrong = estimate_errors(made.units, made.reviewed, made.errors) if len(sizes) == 1 else None
    return FixedEstimate(
        estimator=made.estimator.value,
        quantile=made.quantile.value,
        confidence=made.confidence,
        point_cents=made.point_cents,
        standard_error_cents=made.standard_error_cents,
        degrees=made.degrees,
        multiple=made.multiple,
        lower_cents=made.lower_cents,
        upper_cents=made.upper_cents,
        reviewed=made.reviewed,
        errors=made.errors,
        found_cents=made.found_cents,
        demand_cents=made.demand_cents,
        is_extrapolated=made.extrapolated,
        wrong_lower=None if wrong is None else wrong.lower,
        wrong_upper=None if wrong is None else wrong.upper,
        warnings=tuple(StoredWarning(one.code, one.message) for one in warnings_of(made)),
    )
