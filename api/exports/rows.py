"""Exported claims as lines of text."""

import csv
import io
from collections.abc import Sequence
from typing import Final

from api.intake import ClaimOut
from api.responses import encode
from core.spreadsheets import cell

_OF_ALL: Final = (
    *("claim_id", "status", "member_id", "provider_id", "diagnosis_code", "procedure_code", "service_from"),
    *("service_to", "received_at", "claim_amount", "approved_amount", "replaces", "voided_at"),
)
_OF_SCORES: Final = ("fraud_flag", "score", "decided_by", "model_version")
"""Only for callers that see scores."""


def ndjson_lines(claims: Sequence[ClaimOut]) -> bytes:
    """Each claim as in the list of claims."""
    return b"".join(encode(claim) + b"\n" for claim in claims)


def csv_header(*, sees_scores: bool) -> bytes:
    """The names of the columns."""
    return (",".join(columns(sees_scores=sees_scores)) + "\n").encode()


def csv_lines(claims: Sequence[ClaimOut], *, sees_scores: bool) -> bytes:
    """A row for each claim; an empty cell is null."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for claim in claims:
        values = claim.model_dump(mode="json")
        writer.writerow([cell(values.get(name)) for name in columns(sees_scores=sees_scores)])
    return text.getvalue().encode()


def columns(*, sees_scores: bool) -> tuple[str, ...]:
    """The names of the columns of a table of claims."""
    return _OF_ALL + _OF_SCORES if sees_scores else _OF_ALL
