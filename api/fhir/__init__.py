"""FHIR over HTTP and from files: a `Claim` is answered with a `ClaimResponse`."""

from api.fhir.files import FileClaim, read_file
from api.fhir.service import FhirReply, refusal, take_claim, take_document

__all__ = ["FhirReply", "FileClaim", "read_file", "refusal", "take_claim", "take_document"]
