"""The worksheet of a stored sample as CSV, as `ginja sample` reads it."""

from api.samples.records import SampleDetails
from claims.sampling import Draw, DrawnUnit, SamplingUnit
from core.spreadsheets import csv_text
from formats.sampling_files import worksheet_rows


def worksheet_csv(details: SampleDetails) -> str:
    """The claims of a sample in the order of the draw; `correct_amount` is empty for those that are not reviewed."""
    record = details.record
    drawn = Draw(
        frame_sha256=record.frame_sha256,
        seed=record.seed,
        sizes={one.name: one.size for one in record.strata},
        drawn=tuple(
            DrawnUnit(one.position, SamplingUnit(one.claim_id, one.paid_cents, one.stratum), one.number)
            for one in details.items
        ),
        method=record.method,
    )
    correct = {one.claim_id: one.correct_cents for one in details.items if one.correct_cents is not None}
    return csv_text(worksheet_rows(drawn, correct))
