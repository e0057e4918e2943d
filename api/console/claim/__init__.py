"""The page of a claim, and the lists of claims that its counts count."""

from api.console.claim.counted_claims import CountedClaimLists
from api.console.claim.counted_sets import COUNTED_SETS, CountedFor, CountedSet, sets_behind
from api.console.claim.list_pages import LIST_QUERY, CountedClaimPages, list_address
from api.console.claim.reasons import ReasonsByDirection, reasons_of_kind

__all__ = [
    "COUNTED_SETS",
    "LIST_QUERY",
    "CountedClaimLists",
    "CountedClaimPages",
    "CountedFor",
    "CountedSet",
    "ReasonsByDirection",
    "list_address",
    "reasons_of_kind",
    "sets_behind",
]
