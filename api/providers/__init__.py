"""Providers: who bills."""

from api.providers.repository import provider, region_of
from api.providers.tables import ProviderRow

__all__ = [
    "ProviderRow",
    "provider",
    "region_of",
]
