"""Random samples of a case's paid claims, the overpayment that they show, and what was demanded and received."""

from api.samples.evidence import sample_section, section_of_case
from api.samples.letters import DemandLetter, demand_letter, letter_pdf
from api.samples.records import (
    MAX_SAMPLE,
    EntryKind,
    FixedEstimate,
    ItemReview,
    OverpaymentReason,
    RecoupmentEntry,
    RecoupmentRecord,
    SampleDetails,
    SampledStratum,
    SampleItem,
    SamplePlan,
    SampleRecord,
    StoredWarning,
)
from api.samples.recoupments import add_entry, demand
from api.samples.service import create_sample, fix_estimate, frame_text, record_reviews, sample, samples_of
from api.samples.tables import CaseSampleRow, RecoupmentEntryRow, RecoupmentRow, SampleItemRow
from api.samples.worksheet import worksheet_csv

__all__ = [
    "MAX_SAMPLE",
    "CaseSampleRow",
    "DemandLetter",
    "EntryKind",
    "FixedEstimate",
    "ItemReview",
    "OverpaymentReason",
    "RecoupmentEntry",
    "RecoupmentEntryRow",
    "RecoupmentRecord",
    "RecoupmentRow",
    "SampleDetails",
    "SampleItem",
    "SampleItemRow",
    "SamplePlan",
    "SampleRecord",
    "SampledStratum",
    "StoredWarning",
    "add_entry",
    "create_sample",
    "demand",
    "demand_letter",
    "fix_estimate",
    "frame_text",
    "letter_pdf",
    "record_reviews",
    "sample",
    "sample_section",
    "samples_of",
    "section_of_case",
    "worksheet_csv",
]
