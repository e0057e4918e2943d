"""Providers: who bills."""

from api.providers.repository import (
    Payee,
    lock_provider,
    npi_of,
    payee,
    provider,
    provider_revision,
    region_of,
    share_provider,
)
from api.providers.tables import ProviderRow

__all__ = [
    "Payee",
    "ProviderRow",
    "lock_provider",
    "npi_of",
    "payee",
    "provider",
    "provider_revision",
    "region_of",
    "share_provider",
]
