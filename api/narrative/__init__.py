"""Summaries of cases: templates, or drafts of an OpenAI-compatible endpoint, each sentence verified.

placeholders.py  facts without ids, days and texts, and the way back
endpoint.py      the endpoint, bounded in time and bytes
service.py       which sentences are shown, and how many were dropped
"""

from api.narrative.endpoint import DraftingEndpoint, DraftUnavailableError, drafting_endpoint
from api.narrative.service import CaseNarrative, drafted_narrative, narrative_of_templates

__all__ = [
    "CaseNarrative",
    "DraftUnavailableError",
    "DraftingEndpoint",
    "drafted_narrative",
    "drafting_endpoint",
    "narrative_of_templates",
]
