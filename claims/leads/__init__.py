"""Leads: claims that need a person, grouped by whom they are about and ranked by the money that is expected of them."""

from claims.leads.grouping import group
from claims.leads.ranking import LeadFigures, figures, rank, why
from claims.leads.records import LeadClaim, LeadSource, LeadSubject, LeadSubjectKind, SnoozeReason

__all__ = [
    "LeadClaim",
    "LeadFigures",
    "LeadSource",
    "LeadSubject",
    "LeadSubjectKind",
    "SnoozeReason",
    "figures",
    "group",
    "rank",
    "why",
]
