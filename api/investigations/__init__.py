"""The weekly list of claims to investigate, and dispositions, which become labels."""

from api.investigations.records import Choice, NewDisposition, ScoredClaim, SelectedClaim
from api.investigations.repository import fraud_label_of
from api.investigations.schemas import DispositionIn, DispositionName
from api.investigations.service import (
    dispositions,
    latest_disposition,
    monday_of,
    promise_of,
    record,
    record_audited,
    record_within,
    recovered_of,
    select_week,
    weekly_list,
)
from api.investigations.tables import DISPOSITIONS, DispositionRow, SelectionRow

__all__ = [
    "DISPOSITIONS",
    "Choice",
    "DispositionIn",
    "DispositionName",
    "DispositionRow",
    "NewDisposition",
    "ScoredClaim",
    "SelectedClaim",
    "SelectionRow",
    "dispositions",
    "fraud_label_of",
    "latest_disposition",
    "monday_of",
    "promise_of",
    "record",
    "record_audited",
    "record_within",
    "recovered_of",
    "select_week",
    "weekly_list",
]
