"""Providers: who bills."""

from api.providers.repository import Payee, npi_of, payee, provider, region_of
from api.providers.tables import ProviderRow

__all__ = [
    "Payee",
    "ProviderRow",
    "npi_of",
    "payee",
    "provider",
    "region_of",
]
