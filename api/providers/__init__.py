"""Providers: who bills."""

from api.providers.repository import npi_of, provider, region_of
from api.providers.tables import ProviderRow

__all__ = [
    "ProviderRow",
    "npi_of",
    "provider",
    "region_of",
]
