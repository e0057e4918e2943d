"""The registries of members, providers and procedures: entries with periods of validity and every earlier state."""

from api.registry.redaction import Redaction, redact_member
from api.registry.service import Registry

__all__ = ["Redaction", "Registry", "redact_member"]
