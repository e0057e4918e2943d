"""Finding members by who they are: through the blind index, and recorded with everyone who is found.

Only members that are meant by what is stated are returned: a search that many members fit is refused, because it would
list members that were not searched for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from pydantic import JsonValue

from api import audit
from api.audit import DENIED, SUCCESS, Subject
from api.database import Database
from api.errors import Invalid
from api.field_keys import FieldKeys
from api.identity import Caller
from api.members import SearchedPerson, candidates
from api.registry import repository
from api.registry.records import Entry
from api.request_context import Actor
from claims.reference import Sex
from core import clock
from core.blind_index import name_parts

MAX_FOUND: Final = 20
"""Members that a search may find."""
MAX_CANDIDATES: Final = 1_000
"""Members that are decrypted to be compared."""
SEARCH: Final = "member.search"
FOUND: Final = "member.found"
_WHOLE_NAME: Final = 2
"""Parts that a name has at least to be searched for without a birth date."""
_Field = Literal["name", "birth_date"]


@dataclass(frozen=True, slots=True)
class SoughtMember:
    """What is stated of a member that is searched for."""

    person: SearchedPerson
    sex: Sex | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    """Values of `region` and `plan_id`, as far as they are stated."""

    @property
    def stated(self) -> list[str]:
        """Names of the fields that are stated."""
        personal = {"name": self.person.name, "birth_date": self.person.birth_date, "sex": self.sex}
        return sorted([*(name for name, value in personal.items() if value is not None), *self.columns])

    def check(self) -> None:
        """Check that few members can be meant. Raises `Invalid`."""
        name, born = self.person.name, self.person.birth_date
        parts = () if name is None else name_parts(name)
        if name is not None and not parts:
            raise Invalid.field("name", "must have letters or digits")
        if born is not None:
            if self.stated == ["birth_date"]:
                raise Invalid.field(
                    "birth_date", "is that of many members; send name, sex, region or plan_id with it, best the name"
                )
            return
        if name is None:
            raise Invalid.field("name", "is required, whole or with birth_date; or birth_date with another field")
        if len(parts) < _WHOLE_NAME:
            raise Invalid.field(
                "name", "is that of many members; send the whole name, as it is registered, or birth_date with it"
            )


class MemberSearch:
    """The search for members."""

    def __init__(self, database: Database, keys: FieldKeys) -> None:
        self._database = database
        self._keys = keys

    async def find(self, caller: Caller, sought: SoughtMember) -> Sequence[Entry]:
        """Members that are meant, by id; the search and each of them is recorded before it is returned.

        Members that cannot be decrypted are left out; the row of the search counts them.

        Raises `Invalid` where too little is stated, or more than `MAX_FOUND` members fit it.
        """
        sought.check()
        async with self._database.reading() as connection:
            ids = await candidates(connection, self._keys, sought.person, MAX_CANDIDATES + 1)
            read = await repository.members(connection, self._keys, ids, sought.columns)
        person = sought.person
        found = [entry for entry, known in read.found if person.is_like(known) and sought.sex in (None, known.sex)]
        if len(ids) > MAX_CANDIDATES or len(found) > MAX_FOUND:
            await self._record(caller, sought, DENIED, None, read.unreadable)
            raise Invalid.field(
                _more_of(sought), f"more than {MAX_FOUND} members fit; state more fields, best name and birth_date"
            )
        await self._record(caller, sought, SUCCESS, found, read.unreadable)
        return found

    async def _record(
        self, caller: Caller, sought: SoughtMember, outcome: str, found: Sequence[Entry] | None, unreadable: int
    ) -> None:
        """One row for the search, without what was stated, and one for each member that it shows."""
        actor, at = Actor(caller.actor_id, caller.name, caller.role), clock.now()
        details: dict[str, JsonValue] = {"by": list[JsonValue](sought.stated)}
        if found is not None:
            details["items"] = len(found)
        if unreadable:
            details["unreadable"] = unreadable
        rows = [
            audit.entry(actor=actor, act=act, claim_id=None, details=more, at=at, subject=subject, outcome=outcome)
            for act, more, subject in (
                (SEARCH, details, None),
                *((FOUND, {}, Subject("member", one.entry_id)) for one in found or ()),
            )
        ]
        async with self._database.deciding() as connection:
            await connection.finish(*rows)


def _more_of(sought: SoughtMember) -> _Field:
    return "name" if sought.person.name is None else "birth_date"
