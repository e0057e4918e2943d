"""Providers, as the rules see them."""

from dataclasses import dataclass

from pydantic import TypeAdapter
from sqlalchemy import BindParameter, ColumnElement, ScalarSelect, Text, bindparam, cast, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.database import Query, Rows, compiled, fetch, nothing
from api.providers.tables import ProviderRow
from claims.reference import Provider
from claims.validity import ValidityPeriod

_PERIODS = TypeAdapter(tuple[ValidityPeriod, ...])
_LOCKS = 2
"""Sets the locks of providers apart from those of members (0) and of keys of requests (1)."""
_REVISION = cast(literal_column("providers.xmin"), Text)
_PROVIDER = compiled(
    select(
        ProviderRow.provider_id,
        ProviderRow.specialty,
        ProviderRow.region,
        ProviderRow.active_from,
        ProviderRow.active_to,
        ProviderRow.excluded_from,
        ProviderRow.npi,
        ProviderRow.earlier_periods,
        _REVISION,
    ).where(ProviderRow.provider_id == bindparam("provider_id"))
)


def provider(provider_id: str) -> Query[Provider | None]:
    """A provider; `None` if there is no such provider."""

    def read(rows: Rows) -> Provider | None:
        if not rows:
            return None
        *stated, earlier, revision = rows[0]
        values = (*stated, () if earlier is None else _PERIODS.validate_python(earlier), revision)
        return Provider(*values)

    return Query(_PROVIDER, {"provider_id": provider_id}, read)


_LOCK = compiled(select(func.pg_advisory_xact_lock(func.hashtextextended(bindparam("provider_id"), _LOCKS))))


def lock_provider(provider_id: str) -> Query[None]:
    """Wait for the claims of a provider that are being decided, and let no other be until the transaction ends."""
    return Query(_LOCK, {"provider_id": provider_id}, nothing)


def share_provider(provider_id: BindParameter[str]) -> ColumnElement[object]:
    """Let nobody change a provider until the transaction ends (`lock_provider`), for use in another statement."""
    return func.pg_advisory_xact_lock_shared(func.hashtextextended(provider_id, _LOCKS))


def provider_revision(provider_id: BindParameter[str]) -> ScalarSelect[str]:
    """`Provider.revision` of a provider, for use in another statement."""
    return select(_REVISION).select_from(ProviderRow).where(ProviderRow.provider_id == provider_id).scalar_subquery()


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
