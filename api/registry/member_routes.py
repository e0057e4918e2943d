"""Members over HTTP."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.consents import required_check
from api.dependencies import RegistryReader, RegistryWriter, dependencies
from api.entries import Cursor, IfMatch, KnownAt, Limit, RequiredIfMatch, changed, changing, creating
from api.openapi import operation
from api.paging import read_cursor, write_cursor
from api.registry.kinds import MEMBER
from api.registry.parameters import MemberId
from api.registry.records import Entry
from api.registry.responses import FoundMembers, MemberOut, MemberPage, listed_member, member_out
from api.registry.schemas import CoverIn, EndIn, MemberIn, MemberSearchIn, MemberUpdate
from api.requests import parse, read_body
from api.responses import json_response
from api.sparse_fields import SparseFields

router = APIRouter(tags=["members"])

_LISTED = SparseFields(MemberPage, "members")
_MEMBER = SparseFields(MemberOut)
ListedMemberFields = Annotated[Annotated[str, _LISTED.check] | None, _LISTED.query]
MemberFields = Annotated[Annotated[str, _MEMBER.check] | None, _MEMBER.query]
_MemberSort = Literal["member_id", "-member_id"]


@router.post("/v1/members", status_code=201, response_model=MemberOut, openapi_extra=creating(MemberIn))
async def create_member(request: Request, caller: RegistryWriter) -> Response:
    """Create a member with its first period of cover."""
    own = dependencies(request)
    sent = parse(MemberIn, await read_body(request, own.settings.max_body_bytes))
    new = await own.registry.create(caller, MEMBER, Entry(sent.member_id, sent.details, sent.span))
    return changed(member_out(new), 201, f"/v1/members/{new.entry_id}")


@router.get("/v1/members", response_model=MemberPage, openapi_extra=operation())
async def list_members(
    request: Request,
    caller: RegistryReader,
    limit: Limit = 50,
    cursor: Cursor = None,
    plan_id: Annotated[
        str | None, Query(max_length=64, description="Only members whose latest cover is under this plan.")
    ] = None,
    region: Annotated[str | None, Query(max_length=32, description="Only members of this region.")] = None,
    sort: Annotated[_MemberSort, Query(description="By id, ascending or descending.")] = "member_id",
    fields: ListedMemberFields = None,
) -> Response:
    """List members without personal data.

    The order is total. Following `next_cursor` with the same parameters gives each member that was there at the
    beginning once.
    """
    requested = {"plan_id": plan_id, "region": region}
    filters = {name: value for name, value in requested.items() if value is not None}
    page = await dependencies(request).registry.page(
        MEMBER,
        filters=filters,
        after=None if cursor is None else read_cursor(cursor),
        limit=limit,
        descending=sort.startswith("-"),
        check=required_check(caller.role),
    )
    shown = [listed_member(one) for one in page.items]
    listed = MemberPage(members=shown, next_cursor=write_cursor(page.next_place))
    return json_response(listed, fields=_LISTED.chosen(fields))


@router.post("/v1/members:search", response_model=FoundMembers, openapi_extra=operation(body=MemberSearchIn))
async def search_members(request: Request, caller: RegistryReader) -> Response:
    """Find members by who they are. The search and each member that it finds is recorded with its purpose.

    A search that more than 20 members fit is refused: it would show people who are not meant.
    """
    own = dependencies(request)
    sent = parse(MemberSearchIn, await read_body(request, own.settings.max_body_bytes))
    found = await own.member_search.find(caller, sent.sought)
    return json_response(FoundMembers(members=[member_out(one) for one in found]))


@router.get("/v1/members/{member_id}", response_model=MemberOut, openapi_extra=operation())
async def get_member(
    request: Request,
    caller: RegistryReader,
    member_id: MemberId,
    known_at: KnownAt = None,
    fields: MemberFields = None,
) -> Response:
    """Read a member, as it is or as it was stored at an instant."""
    entry = await dependencies(request).registry.get(MEMBER, member_id, known_at, required_check(caller.role))
    return json_response(member_out(entry), fields=_MEMBER.chosen(fields))


@router.put("/v1/members/{member_id}", response_model=MemberOut, openapi_extra=changing(MemberUpdate))
async def update_member(
    request: Request, caller: RegistryWriter, member_id: MemberId, if_match: RequiredIfMatch
) -> Response:
    """Replace what is stated of a member and the days of its latest period; earlier periods and states are kept."""
    own = dependencies(request)
    sent = parse(MemberUpdate, await read_body(request, own.settings.max_body_bytes))
    entry = await own.registry.update(caller, MEMBER, member_id, sent.details, sent.span, if_match)
    return changed(member_out(entry))


@router.post("/v1/members/{member_id}/end", response_model=MemberOut, openapi_extra=changing(EndIn))
async def end_member(
    request: Request, caller: RegistryWriter, member_id: MemberId, if_match: IfMatch = None
) -> Response:
    """End the cover of a member: services after the last day are rejected."""
    own = dependencies(request)
    sent = parse(EndIn, await read_body(request, own.settings.max_body_bytes))
    return changed(member_out(await own.registry.end(caller, MEMBER, member_id, sent.ending, if_match)))


@router.post(
    "/v1/members/{member_id}/periods",
    status_code=201,
    response_model=MemberOut,
    openapi_extra=changing(CoverIn, status=201),
)
async def add_period_of_member(
    request: Request, caller: RegistryWriter, member_id: MemberId, if_match: IfMatch = None
) -> Response:
    """Add a period of cover, which must not overlap another one of the member."""
    own = dependencies(request)
    sent = parse(CoverIn, await read_body(request, own.settings.max_body_bytes))
    return changed(member_out(await own.registry.add_period(caller, MEMBER, member_id, sent.span, if_match)), 201)
