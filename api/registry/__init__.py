"""The registries of members, providers and procedures: entries with periods of validity and every earlier state."""

from api.registry.records import Ending
from api.registry.redaction import Redaction, redact_member
from api.registry.repository import state_at
from api.registry.schemas import EndIn
from api.registry.service import Registry

__all__ = ["EndIn", "Ending", "Redaction", "Registry", "redact_member", "state_at"]
