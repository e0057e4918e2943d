"""Edits that are suspended: they send claims to review instead of rejecting or reducing them."""

from api.edit_suspensions.repository import EditSuspension, resume, suspend, suspended_edits, suspensions
from api.edit_suspensions.tables import EditSuspensionRow

__all__ = ["EditSuspension", "EditSuspensionRow", "resume", "suspend", "suspended_edits", "suspensions"]
