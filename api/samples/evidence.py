"""A stored sample as the section of an evidence pack."""

from sqlalchemy.ext.asyncio import AsyncConnection

from api.samples import repository
from api.samples.records import MAX_SAMPLES, FixedEstimate, SampleDetails, SampleRecord
from claims.evidence import SampledClaim, SampleEstimate, SampleSection


async def section_of_case(connection: AsyncConnection, case_id: str) -> SampleSection | None:
    """The section of a case's latest sample with a fixed estimate, or else of its latest; None: it has no sample."""
    found = await repository.samples_of_case(connection, case_id, MAX_SAMPLES)
    if not found:
        return None
    latest = next((one for one in reversed(found) if one.estimate is not None), found[-1])
    items = await repository.items_of(connection, latest.sample_id)
    return sample_section(SampleDetails(latest, tuple(items), None, ()))


def sample_section(details: SampleDetails) -> SampleSection:
    """What a reader of the pack needs to draw the sample again and to compute its estimate."""
    record = details.record
    return SampleSection(
        sample_id=record.sample_id,
        drawn_at=record.created_at,
        design=_design(record),
        frame_claims=record.frame_units,
        frame_paid_cents=record.frame_cents,
        frame_sha256=record.frame_sha256,
        seed=record.seed,
        items=tuple(
            SampledClaim(one.claim_id, one.stratum, one.paid_cents, one.overpaid_cents) for one in details.items
        ),
        estimate=None if record.estimate is None else _estimate(record.estimate),
    )


def _design(record: SampleRecord) -> str:
    kind = "simple random sample" if len(record.strata) == 1 else "stratified random sample by paid amount"
    sizes = ", ".join(f"{one.size} of {one.units} in stratum {one.name}" for one in record.strata)
    return (
        f"{kind} by method {record.method}: {sizes}; paid claims of provider {record.provider_id} with a first day of "
        f"service from {record.first_day} to {record.last_day}"
    )


def _estimate(estimate: FixedEstimate) -> SampleEstimate:
    limits = "Student's t" if estimate.degrees is not None else "the normal distribution"
    cautions = f"; warnings: {', '.join(one.code for one in estimate.warnings)}" if estimate.warnings else ""
    return SampleEstimate(
        method=f"{estimate.estimator.replace('_', ' ')} estimator, limits by {limits}{cautions}",
        point_cents=estimate.point_cents,
        lower_bound_cents=estimate.lower_cents,
        confidence=estimate.confidence,
    )
