"""The administration of API keys: creating, listing, rotating and revoking them."""

from api.keys.service import MAX_OVERLAP, KeyRequest, Keys

__all__ = [
    "MAX_OVERLAP",
    "KeyRequest",
    "Keys",
]
