"""Leads: what investigators work on, by the money that is expected of it."""

from api.leads.places import LeadPlace, read_lead_cursor, write_lead_cursor
from api.leads.records import (
    ExpectedCents,
    LeadClaimRecord,
    LeadFilter,
    LeadRecord,
    LeadStatus,
    LeadTab,
    SavedView,
    ScoredLeadClaim,
)
from api.leads.refresh import LeadTools, LeadWork, refresh
from api.leads.rings import case_subject_of, find_ring, refresh_rings, ring_of_providers
from api.leads.service import LONGEST_SNOOZE_DAYS, MAX_VIEW_NAME, LeadPage, Leads, QueuePage

__all__ = [
    "LONGEST_SNOOZE_DAYS",
    "MAX_VIEW_NAME",
    "ExpectedCents",
    "LeadClaimRecord",
    "LeadFilter",
    "LeadPage",
    "LeadPlace",
    "LeadRecord",
    "LeadStatus",
    "LeadTab",
    "LeadTools",
    "LeadWork",
    "Leads",
    "QueuePage",
    "SavedView",
    "ScoredLeadClaim",
    "case_subject_of",
    "find_ring",
    "read_lead_cursor",
    "refresh",
    "refresh_rings",
    "ring_of_providers",
    "write_lead_cursor",
]
