"""HL7 FHIR R4: `Claim` in, `ClaimResponse` and `OperationOutcome` out; `ExplanationOfBenefit` as history."""

from formats.fhir.claims import FhirProblem, IssueType, ReadClaim, read_claim, read_resource
from formats.fhir.elements import FhirClaim
from formats.fhir.explanations import EXPLANATION, read_explanation
from formats.fhir.outcomes import ISSUE_SYSTEM, operation_outcome
from formats.fhir.responses import AnsweredClaim, AnsweredReason, claim_response

__all__ = [
    "EXPLANATION",
    "ISSUE_SYSTEM",
    "AnsweredClaim",
    "AnsweredReason",
    "FhirClaim",
    "FhirProblem",
    "IssueType",
    "ReadClaim",
    "claim_response",
    "operation_outcome",
    "read_claim",
    "read_explanation",
    "read_resource",
]
