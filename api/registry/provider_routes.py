"""Providers over HTTP."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.dependencies import RegistryReader, RegistryWriter, dependencies
from api.entries import Cursor, IfMatch, KnownAt, Limit, RequiredIfMatch, changed, changing, creating
from api.openapi import operation
from api.paging import read_cursor, write_cursor
from api.registry.kinds import PROVIDER
from api.registry.parameters import ProviderId
from api.registry.records import Entry
from api.registry.responses import ProviderOut, ProviderPage, provider_out
from api.registry.schemas import EndIn, PeriodIn, ProviderIn, ProviderUpdate
from api.requests import parse, read_body
from api.responses import json_response
from api.sparse_fields import SparseFields

router = APIRouter(tags=["providers"])

_LISTED = SparseFields(ProviderPage, "providers")
_PROVIDER = SparseFields(ProviderOut)
ListedProviderFields = Annotated[Annotated[str, _LISTED.check] | None, _LISTED.query]
ProviderFields = Annotated[Annotated[str, _PROVIDER.check] | None, _PROVIDER.query]
_ProviderSort = Literal["provider_id", "-provider_id"]


@router.post("/v1/providers", status_code=201, response_model=ProviderOut, openapi_extra=creating(ProviderIn))
async def create_provider(request: Request, caller: RegistryWriter) -> Response:
    """Create a provider with its first period in which it may bill."""
    own = dependencies(request)
    sent = parse(ProviderIn, await read_body(request, own.settings.max_body_bytes))
    new = await own.registry.create(caller, PROVIDER, Entry(sent.provider_id, sent.details, sent.span))
    return changed(provider_out(new), 201, f"/v1/providers/{new.entry_id}")


@router.get("/v1/providers", response_model=ProviderPage, openapi_extra=operation())
async def list_providers(
    request: Request,
    _caller: RegistryReader,
    limit: Limit = 50,
    cursor: Cursor = None,
    specialty: Annotated[str | None, Query(max_length=64, description="Only providers of this specialty.")] = None,
    region: Annotated[str | None, Query(max_length=32, description="Only providers of this region.")] = None,
    sort: Annotated[_ProviderSort, Query(description="By id, ascending or descending.")] = "provider_id",
    fields: ListedProviderFields = None,
) -> Response:
    """List providers.

    The order is total. Following `next_cursor` with the same parameters gives each provider that was there at the
    beginning once.
    """
    requested = {"specialty": specialty, "region": region}
    filters = {name: value for name, value in requested.items() if value is not None}
    page = await dependencies(request).registry.page(
        PROVIDER,
        filters=filters,
        after=None if cursor is None else read_cursor(cursor),
        limit=limit,
        descending=sort.startswith("-"),
    )
    shown = [provider_out(one) for one in page.items]
    listed = ProviderPage(providers=shown, next_cursor=write_cursor(page.next_place))
    return json_response(listed, fields=_LISTED.chosen(fields))


@router.get("/v1/providers/{provider_id}", response_model=ProviderOut, openapi_extra=operation())
async def get_provider(
    request: Request,
    _caller: RegistryReader,
    provider_id: ProviderId,
    known_at: KnownAt = None,
    fields: ProviderFields = None,
) -> Response:
    """Read a provider, as it is or as it was stored at an instant."""
    entry = await dependencies(request).registry.get(PROVIDER, provider_id, known_at)
    return json_response(provider_out(entry), fields=_PROVIDER.chosen(fields))


@router.put("/v1/providers/{provider_id}", response_model=ProviderOut, openapi_extra=changing(ProviderUpdate))
async def update_provider(
    request: Request, caller: RegistryWriter, provider_id: ProviderId, if_match: RequiredIfMatch
) -> Response:
    """Replace what is stated of a provider and the days of its latest period; earlier periods and states are kept."""
    own = dependencies(request)
    sent = parse(ProviderUpdate, await read_body(request, own.settings.max_body_bytes))
    entry = await own.registry.update(caller, PROVIDER, provider_id, sent.details, sent.span, if_match)
    return changed(provider_out(entry))


@router.post("/v1/providers/{provider_id}/end", response_model=ProviderOut, openapi_extra=changing(EndIn))
async def end_provider(
    request: Request, caller: RegistryWriter, provider_id: ProviderId, if_match: IfMatch = None
) -> Response:
    """End the active period of a provider: services after the last day are rejected."""
    own = dependencies(request)
    sent = parse(EndIn, await read_body(request, own.settings.max_body_bytes))
    return changed(provider_out(await own.registry.end(caller, PROVIDER, provider_id, sent.ending, if_match)))


@router.post(
    "/v1/providers/{provider_id}/periods",
    status_code=201,
    response_model=ProviderOut,
    openapi_extra=changing(PeriodIn, status=201),
)
async def add_period_of_provider(
    request: Request, caller: RegistryWriter, provider_id: ProviderId, if_match: IfMatch = None
) -> Response:
    """Add a period in which it may bill, which must not overlap another one of the provider."""
    own = dependencies(request)
    sent = parse(PeriodIn, await read_body(request, own.settings.max_body_bytes))
    return changed(provider_out(await own.registry.add_period(caller, PROVIDER, provider_id, sent.span, if_match)), 201)
