"""The page of a claim: what stands beside its score, and the lists of claims that its counts count."""

from api.console.claim.context_reader import read_context
from api.console.claim.context_sections import ContextSections, context_sections
from api.console.claim.counted_claims import CountedClaimLists
from api.console.claim.counted_sets import COUNTED_SETS, CountedFor, CountedSet, sets_behind
from api.console.claim.edits import (
    EditLine,
    FindingsAt,
    VerdictLine,
    claim_edits,
    claim_verdicts,
    reasons_for_review,
)
from api.console.claim.history import HistoryClaimPage, LoadedAsHistory, history_page
from api.console.claim.list_pages import LIST_QUERY, CountedClaimPages, list_address
from api.console.claim.reasons import ReasonsByDirection, reasons_of_kind
from api.console.claim.similar import SimilarClaimLine, SimilarClaims, similar_lines
from api.console.claim.wording import DISPOSITIONS, disposition_words

__all__ = [
    "COUNTED_SETS",
    "DISPOSITIONS",
    "LIST_QUERY",
    "ContextSections",
    "CountedClaimLists",
    "CountedClaimPages",
    "CountedFor",
    "CountedSet",
    "EditLine",
    "FindingsAt",
    "HistoryClaimPage",
    "LoadedAsHistory",
    "ReasonsByDirection",
    "SimilarClaimLine",
    "SimilarClaims",
    "VerdictLine",
    "claim_edits",
    "claim_verdicts",
    "context_sections",
    "disposition_words",
    "history_page",
    "list_address",
    "read_context",
    "reasons_for_review",
    "reasons_of_kind",
    "sets_behind",
    "similar_lines",
]
