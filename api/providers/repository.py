"""Providers, as the rules see them."""

from dataclasses import dataclass

from sqlalchemy import BindParameter, ScalarSelect, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.database import Query, Rows, compiled, fetch
from api.providers.tables import ProviderRow
from claims.reference import Provider

_PROVIDER = compiled(
    select(
        ProviderRow.provider_id,
        ProviderRow.specialty,
        ProviderRow.region,
        ProviderRow.active_from,
        ProviderRow.active_to,
        ProviderRow.excluded_from,
        ProviderRow.npi,
    ).where(ProviderRow.provider_id == bindparam("provider_id"))
)


def provider(provider_id: str) -> Query[Provider | None]:
    """A provider; `None` if there is no such provider."""

    def read(rows: Rows) -> Provider | None:
        return Provider(*rows[0]) if rows else None

    return Query(_PROVIDER, {"provider_id": provider_id}, read)


@dataclass(frozen=True, slots=True)
class Payee:
    """A provider as it is paid."""

    name: str | None
    national_id: str | None
    """Its NPI."""


async def payee(connection: AsyncConnection, provider_id: str) -> Payee | None:
    """A provider with its name; `None` if there is no such provider."""
    found = await fetch(connection, provider(provider_id))
    if found is None:
        return None
    name = await connection.scalar(select(ProviderRow.name).where(ProviderRow.provider_id == provider_id))
    return Payee(name, found.national_id)


def region_of(provider_id: BindParameter[str]) -> ScalarSelect[str | None]:
    """The region of a provider, for use in a statement about it."""
    return select(ProviderRow.region).where(ProviderRow.provider_id == provider_id).scalar_subquery()


def npi_of(provider_id: BindParameter[str]) -> ScalarSelect[str]:
    """The NPI of a provider, or else its id, which may be one; for use in a statement about it."""
    return (
        select(func.coalesce(ProviderRow.npi, ProviderRow.provider_id))
        .where(ProviderRow.provider_id == provider_id)
        .scalar_subquery()
    )
