"""A stored sample as the section of an evidence pack."""

from api.samples.records import FixedEstimate, SampleDetails, SampleRecord
from claims.evidence import SampledClaim, SampleEstimate, SampleSection


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
