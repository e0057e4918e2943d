"""What a form or a command states of a member, and what it shows of one that is found."""

from collections.abc import Mapping

from pydantic import JsonValue

from api.registry.member_search import SoughtMember
from api.registry.records import Entry
from api.registry.responses import member_out
from api.registry.schemas import MemberSearchIn
from api.requests import validate


def sought_member(stated: Mapping[str, str | None]) -> SoughtMember:
    """Whom the fields of `POST /v1/members:search` mean; raises `Invalid` by field."""
    return validate(MemberSearchIn, stated).sought


def shown_entry(entry: Entry) -> dict[str, JsonValue]:
    """A member as `POST /v1/members:search` shows it."""
    return member_out(entry).model_dump(mode="json")
