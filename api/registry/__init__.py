"""The registries of members, providers and procedures: entries with periods of validity and every earlier state."""

from api.registry.service import Registry

__all__ = ["Registry"]
