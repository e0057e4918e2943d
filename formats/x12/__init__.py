"""X12 5010: segments, envelopes, claims (837), answers about them (999, 277CA), and remittance advice (835)."""

from formats.x12.acknowledgement import ReadSet, SetStatus, implementation_acknowledgement
from formats.x12.claim_status import AnsweredSet, ClaimAnswer, ClaimOutcome, ClaimReason, claim_acknowledgement
from formats.x12.claims import read_claims
from formats.x12.enrollment import read_members
from formats.x12.envelope import (
    EnvelopePosition,
    EnvelopeReader,
    FunctionalGroup,
    Interchange,
    TransactionSet,
    unread_rest,
)
from formats.x12.problems import SegmentPlace, SegmentProblem, X12Code
from formats.x12.remittance import (
    REMITTANCE_VERSION,
    RemittancePayee,
    RemittancePayer,
    RemittedAmounts,
    RemittedClaim,
    RemittedLine,
    remittance_advice,
)
from formats.x12.remitted_claims import read_remitted_claims
from formats.x12.tokens import MAX_SEGMENT, Delimiters, InvalidX12, Segment, read_segments
from formats.x12.values import dependent_id
from formats.x12.writer import Address, OutgoingGroup, write_interchange
from formats.x12.x12_claim import X12Claim

__all__ = [
    "MAX_SEGMENT",
    "REMITTANCE_VERSION",
    "Address",
    "AnsweredSet",
    "ClaimAnswer",
    "ClaimOutcome",
    "ClaimReason",
    "Delimiters",
    "EnvelopePosition",
    "EnvelopeReader",
    "FunctionalGroup",
    "Interchange",
    "InvalidX12",
    "OutgoingGroup",
    "ReadSet",
    "RemittancePayee",
    "RemittancePayer",
    "RemittedAmounts",
    "RemittedClaim",
    "RemittedLine",
    "Segment",
    "SegmentPlace",
    "SegmentProblem",
    "SetStatus",
    "TransactionSet",
    "X12Claim",
    "X12Code",
    "claim_acknowledgement",
    "dependent_id",
    "implementation_acknowledgement",
    "read_claims",
    "read_members",
    "read_remitted_claims",
    "read_segments",
    "remittance_advice",
    "unread_rest",
    "write_interchange",
]
